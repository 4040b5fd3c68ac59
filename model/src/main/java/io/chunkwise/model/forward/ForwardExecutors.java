package io.chunkwise.model.forward;

import io.chunkwise.model.forward.ForwardExecutorProvider.Availability;
import io.chunkwise.model.forward.ForwardExecutorProvider.Availability.Available;
import io.chunkwise.model.forward.ForwardExecutorProvider.Availability.Unavailable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/**
 * The executors of this build, and the choice among them. A provider is asked for its devices only where the choice
 * depends on them: asking may start a device runtime.
 */
public final class ForwardExecutors {
    /** The request that leaves the choice to {@link #choose}. */
    public static final String AUTO = "auto";
    private static final String CPU = "cpu";
    private static final String TORNADO = "tornado";

    private final List<ForwardExecutorProvider> providers;
    private final List<String> broken; // providers that are named in a jar but do not load, one line each

    /**
     * What was chosen.
     *
     * @param device the device that the executor is to be opened on
     * @param reason why, a short phrase for the person at the terminal
     */
    public record Choice(ForwardExecutorProvider provider, DeviceInfo device, String reason) {
    }

    public ForwardExecutors(List<ForwardExecutorProvider> providers) {
        this(providers, List.of());
    }

    private ForwardExecutors(List<ForwardExecutorProvider> providers, List<String> broken) {
        this.providers = List.copyOf(providers);
        this.broken = List.copyOf(broken);
    }

    /** The providers on the class path. */
    public static ForwardExecutors load() {
        List<ForwardExecutorProvider> found = new ArrayList<>();
        List<String> broken = new ArrayList<>();
        Iterator<ForwardExecutorProvider> services = ServiceLoader.load(ForwardExecutorProvider.class).iterator();
        while (true) {
            try {
                if (!services.hasNext()) {
                    return new ForwardExecutors(found, broken);
                }
                found.add(services.next());
            } catch (ServiceConfigurationError e) {
                broken.add("an executor of this build does not load: " + e.getMessage());
            }
        }
    }

    /**
     * These without the executors of one name, which the choice mentions as left aside.
     *
     * @param why a short phrase
     */
    public ForwardExecutors without(String name, String why) {
        List<String> notes = new ArrayList<>(broken);
        notes.add(name + " left aside: " + why);
        return new ForwardExecutors(providers.stream().filter(provider -> !provider.name().equals(name)).toList(), notes);
    }

    public List<ForwardExecutorProvider> providers() {
        return providers;
    }

    /**
     * Chooses an executor and a device of it.
     *
     * @param requested "auto" or the name of an executor; a named one is never replaced by another
     * @param device    "backend:index", or empty for the best
     * @throws ExecutorException if what was asked for is not there; the message says why and what to do
     */
    public Choice choose(String requested, Optional<String> device) {
        if (!requested.equals(AUTO)) {
            ForwardExecutorProvider provider = named(requested);
            return switch (provider.availability()) {
                case Unavailable(String reason) -> throw new ExecutorException("executor '" + requested + "' cannot run here: " + reason);
                case Available(List<DeviceInfo> devices) when device.isPresent() ->
                        new Choice(provider, selected(devices, requested, device.get()), "as asked for");
                case Available(List<DeviceInfo> devices) -> new Choice(provider, devices.getFirst(), "as asked for");
            };
        }
        return device.isPresent() ? withDevice(device.get()) : best();
    }

    private ForwardExecutorProvider named(String name) {
        return providers.stream().filter(provider -> provider.name().equals(name)).findFirst()
                .orElseThrow(() -> new ExecutorException(absent(name)));
    }

    private String absent(String name) {
        if (!broken.isEmpty()) {
            return "executor '" + name + "' is not usable: " + String.join("; ", broken);
        }
        if (name.equals(TORNADO)) {
            return "executor 'tornado' is not in this build: run ./setup.sh where a TornadoVM SDK can be found (TORNADOVM_HOME), "
                    + "or use --executor cpu";
        }
        return "there is no executor '" + name + "'; this build has " + names();
    }

    private static DeviceInfo selected(List<DeviceInfo> devices, String executor, String selector) {
        return devices.stream().filter(device -> device.selector().equals(selector)).findFirst()
                .orElseThrow(() -> new ExecutorException("executor '" + executor + "' has no device '" + selector + "'; it has "
                        + selectors(devices)));
    }

    private Choice withDevice(String selector) {
        List<DeviceInfo> all = new ArrayList<>();
        List<String> missing = new ArrayList<>(broken);
        for (ForwardExecutorProvider provider : providers) {
            switch (provider.availability()) {
                case Unavailable(String reason) -> missing.add(provider.name() + ": " + reason);
                case Available(List<DeviceInfo> devices) -> {
                    Optional<DeviceInfo> match = devices.stream().filter(device -> device.selector().equals(selector)).findFirst();
                    if (match.isPresent()) {
                        return new Choice(provider, match.get(), "has the device asked for");
                    }
                    all.addAll(devices);
                }
            }
        }
        throw new ExecutorException("there is no device '" + selector + "'; there is " + selectors(all)
                + (missing.isEmpty() ? "" : " (" + String.join("; ", missing) + ")"));
    }

    // A GPU before all; else the CPU executor, which is faster than kernels on an OpenCL CPU device; else what there is.
    private Choice best() {
        Choice cpu = null;
        Choice other = null;
        List<String> notes = new ArrayList<>(broken);
        for (ForwardExecutorProvider provider : providers) {
            switch (provider.availability()) {
                case Unavailable(String reason) -> notes.add(provider.name() + ": " + reason);
                case Available(List<DeviceInfo> devices) -> {
                    Optional<DeviceInfo> gpu = devices.stream().filter(device -> device.type() == DeviceInfo.Type.GPU).findFirst();
                    if (gpu.isPresent()) {
                        return new Choice(provider, gpu.get(), "a GPU");
                    }
                    if (provider.name().equals(CPU)) {
                        cpu = new Choice(provider, devices.getFirst(), "");
                    } else {
                        other = other == null ? new Choice(provider, devices.getFirst(), "") : other;
                        notes.add(provider.name() + " has only " + selectors(devices) + ", where the cpu executor is faster");
                    }
                }
            }
        }
        if (providers.stream().noneMatch(provider -> provider.name().equals(TORNADO)) && broken.isEmpty()) {
            notes.add("tornado is not in this build");
        }
        if (cpu != null) {
            return new Choice(cpu.provider(), cpu.device(), notes.isEmpty() ? "no GPU" : "no GPU; " + String.join("; ", notes));
        }
        if (other != null) {
            return new Choice(other.provider(), other.device(), "no GPU and no cpu executor");
        }
        throw new ExecutorException("no executor can run here: " + (notes.isEmpty() ? "this build has none" : String.join("; ", notes)));
    }

    private String names() {
        return providers.isEmpty() ? "none" : providers.stream().map(ForwardExecutorProvider::name).collect(Collectors.joining(", "));
    }

    private static String selectors(List<DeviceInfo> devices) {
        return devices.isEmpty() ? "none"
                : devices.stream().map(device -> device.selector() + " (" + device.type() + ")").collect(Collectors.joining(", "));
    }

    /** Why a provider that a jar names could not be loaded, one line each; usually empty. */
    public List<String> broken() {
        return broken;
    }
}
