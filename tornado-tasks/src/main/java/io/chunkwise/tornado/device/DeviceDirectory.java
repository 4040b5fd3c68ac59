package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/**
 * The devices of all backends of the TornadoVM SDK. Reading them starts the runtime, whose static initialisation cannot be
 * retried: whatever it throws is caught here, once, and turned into a reason.
 */
public sealed interface DeviceDirectory {

    /** @param devices GPUs first, then other accelerators, then CPUs; at least one */
    record Devices(List<Device> devices) implements DeviceDirectory {
        public Devices {
            devices = List.copyOf(devices);
        }

        /**
         * The device that a selector names, or the first one.
         *
         * @throws ExecutorException listing what there is
         */
        public Device select(Optional<String> selector) {
            if (selector.isEmpty()) {
                return devices.getFirst();
            }
            return devices.stream().filter(device -> device.info().selector().equals(selector.get())).findFirst()
                    .orElseThrow(() -> new ExecutorException("there is no device '" + selector.get() + "'; there is "
                            + devices.stream().map(device -> device.info().selector() + " (" + device.info().name() + ")")
                                    .collect(Collectors.joining(", "))));
        }
    }

    /** @param reason one line */
    record Nothing(String reason) implements DeviceDirectory {
    }

    record Device(DeviceInfo info, TornadoDevice handle) {
    }

    /** Never throws. */
    static DeviceDirectory read() {
        try {
            return list(TornadoRuntimeProvider.getTornadoRuntime());
        } catch (Throwable e) {
            return new Nothing(reason(e));
        }
    }

    /** What the user can do about a runtime that does not start. */
    static String reason(Throwable failure) {
        Reason reason = Reason.of(failure);
        Throwable root = reason.root();
        String message = reason.message().isEmpty() ? root.getClass().getSimpleName() : reason.message();
        if (message.contains("JVMCI")) {
            return "the JVM was started without TornadoVM's flags (" + message + "): start it with bin/chunkwise";
        }
        if (message.contains("not specified") || root instanceof ClassNotFoundException || root instanceof NoClassDefFoundError
                || root instanceof IllegalAccessError || root instanceof NullPointerException) {
            return "the TornadoVM runtime is not on this JVM (" + message + "): install the SDK and start with bin/chunkwise";
        }
        if (message.contains("platform")) {
            return "no OpenCL platform (" + message + "): install a driver, or PoCL for the CPU";
        }
        if (message.contains("JNI Library")) {
            return "TornadoVM's native library is missing (" + message + "): check java.library.path";
        }
        return "the TornadoVM runtime does not start: " + reason;
    }

    private static DeviceDirectory list(TornadoRuntime runtime) {
        // By default a kernel that can't be compiled is silently run as Java, by one thread.
        String bailout = TornadoRuntimeProvider.getProperty("tornado.recover.bailout", "True");
        if (!bailout.equalsIgnoreCase("false")) {
            return new Nothing("the JVM was started without -Dtornado.recover.bailout=False, so that failures would be hidden:"
                    + " start it with bin/chunkwise");
        }
        List<Device> devices = new ArrayList<>();
        for (int backend = 0; backend < runtime.getNumBackends(); backend++) {
            String name = runtime.getBackendType(backend).name().toLowerCase(Locale.ROOT);
            List<TornadoDevice> ofBackend = runtime.getBackend(backend).getAllDevices();
            for (int index = 0; index < ofBackend.size(); index++) {
                devices.add(new Device(describe(name, index, ofBackend.get(index)), ofBackend.get(index)));
            }
        }
        if (devices.isEmpty()) {
            return new Nothing("TornadoVM found no device: install a driver, or PoCL for the CPU");
        }
        devices.sort(Comparator.comparingInt(device -> switch (device.info().type()) {
            case GPU -> 0;
            case ACCELERATOR -> 1;
            case CPU -> 2;
        }));
        return new Devices(devices);
    }

    private static DeviceInfo describe(String backend, int index, TornadoDevice device) {
        DeviceInfo.Type type = device.getDeviceType() == TornadoDeviceType.CPU ? DeviceInfo.Type.CPU
                : device.getDeviceType() == TornadoDeviceType.GPU ? DeviceInfo.Type.GPU : DeviceInfo.Type.ACCELERATOR;
        return new DeviceInfo(backend, index, device.getPhysicalDevice().getDeviceName().strip(), type, device.getMaxGlobalMemory(),
                (device.getPlatformName() + " " + device.getDeviceOpenCLCVersion()).strip());
    }
}
