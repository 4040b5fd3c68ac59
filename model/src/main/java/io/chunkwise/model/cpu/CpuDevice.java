package io.chunkwise.model.cpu;

import io.chunkwise.model.forward.DeviceInfo;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;

/** Describes the processor that Java runs on. */
final class CpuDevice {

    private CpuDevice() {
    }

    static DeviceInfo describe() {
        return new DeviceInfo("cpu", 0, name(), DeviceInfo.Type.CPU, memoryBytes(),
                "Java Vector API, " + FloatVector.SPECIES_PREFERRED.vectorBitSize() + "-bit vectors");
    }

    private static String name() {
        int cores = Runtime.getRuntime().availableProcessors();
        return modelName().orElseGet(() -> ManagementFactory.getOperatingSystemMXBean().getArch())
                + " (" + cores + (cores == 1 ? " core)" : " cores)");
    }

    // Linux names the processor here; on other systems, and on ARM, there is no such line.
    private static Optional<String> modelName() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name")).map(line -> line.substring(line.indexOf(':') + 1).trim())
                    .filter(name -> !name.isEmpty()).findFirst();
        } catch (IOException | RuntimeException absent) {
            return Optional.empty();
        }
    }

    private static long memoryBytes() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getTotalMemorySize() : Runtime.getRuntime().maxMemory();
    }
}
