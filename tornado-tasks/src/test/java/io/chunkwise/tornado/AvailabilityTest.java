package io.chunkwise.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.ForwardExecutorProvider.Availability;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The provider loads everywhere and gives one line of reason where TornadoVM can't run. */
class AvailabilityTest {

    /** What a program without devices sees; runs in JVMs of its own. */
    static final class PrintAvailability {
        public static void main(String[] arguments) {
            for (ForwardExecutorProvider provider : ServiceLoader.load(ForwardExecutorProvider.class)) {
                if (provider.name().equals("tornado")) {
                    switch (provider.availability()) {
                        case Availability.Available(var devices) -> System.out.println("AVAILABLE " + devices);
                        case Availability.Unavailable(var reason) -> System.out.println("UNAVAILABLE " + reason);
                    }
                }
            }
        }
    }

    @Test
    void withoutLaunchFlagsTheProviderSaysSo() throws IOException, InterruptedException {
        assertUnavailable(List.of(), Map.of(), "bin/chunkwise");
    }

    @Tag("tornado")
    @Test
    void withoutAnOpenClDriverTheProviderSaysSo() throws IOException, InterruptedException {
        Assumptions.assumeTrue(TornadoDevices.backends().equals(List.of("opencl")), "skipped: there is another backend than OpenCL");
        assertUnavailable(ChildJvm.ownFlags(), Map.of("OCL_ICD_VENDORS", "/nonexistent", "OCL_ICD_FILENAMES", ""), "driver");
    }

    @Tag("tornado")
    @Test
    void withoutTheNativeLibraryTheProviderSaysSo() throws IOException, InterruptedException {
        List<String> flags = ChildJvm.ownFlags().stream()
                .map(flag -> flag.startsWith("-Djava.library.path=") ? "-Djava.library.path=/nonexistent" : flag).toList();
        assertUnavailable(flags, Map.of(), "TornadoVM");
    }

    @Tag("tornado")
    @Test
    void flagsThatHideFailuresAreRefused() throws IOException, InterruptedException {
        List<String> flags = ChildJvm.ownFlags().stream().filter(flag -> !flag.startsWith("-Dtornado.recover.bailout")).toList();
        assertUnavailable(flags, Map.of(), "-Dtornado.recover.bailout=False");
    }

    @Tag("tornado")
    @Test
    void devicesAreListedWithGpusFirst() {
        List<DeviceInfo> devices = TornadoDevices.list();
        for (int i = 1; i < devices.size(); i++) {
            assertTrue(devices.get(i).type() != DeviceInfo.Type.GPU || devices.get(i - 1).type() == DeviceInfo.Type.GPU,
                    devices.toString());
        }
        for (DeviceInfo device : devices) {
            assertTrue(device.memoryBytes() > 0 && !device.name().isBlank() && !device.driver().isBlank(), device.toString());
        }
    }

    private static void assertUnavailable(List<String> flags, Map<String, String> environment, String naming)
            throws IOException, InterruptedException {
        ChildJvm.Outcome outcome = ChildJvm.run(PrintAvailability.class, flags, environment);
        assertEquals(0, outcome.exitCode(), outcome.output());
        String line = outcome.output().lines().filter(l -> l.contains("AVAILABLE")).findFirst().orElse("nothing: " + outcome.output());
        assertTrue(line.startsWith("UNAVAILABLE") && line.contains(naming), outcome.output());
    }

    private static final class TornadoDevices {
        static List<DeviceInfo> list() {
            return switch (new TornadoExecutorProvider().availability()) {
                case Availability.Available(var devices) -> devices;
                case Availability.Unavailable(var reason) -> throw new AssertionError(reason);
            };
        }

        static List<String> backends() {
            return list().stream().map(DeviceInfo::backend).distinct().toList();
        }
    }
}
