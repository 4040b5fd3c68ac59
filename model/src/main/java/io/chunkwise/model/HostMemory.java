package io.chunkwise.model;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/** Memory of this machine. What does not fit is refused before it is allocated: running out of it ends the process without a word. */
public final class HostMemory {

    private HostMemory() {
    }

    /**
     * @param what takes the bytes, for the message: "the weights of llama-7b in q8_0"
     * @throws IllegalArgumentException if less is free
     */
    public static void require(String what, long bytes) {
        require(what, bytes, freeBytes());
    }

    public static void require(String what, long bytes, long free) {
        if (bytes > free) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, "%s take %.1f GiB of memory, and %.1f GiB are free here: take a "
                    + "smaller shape or number format, or end what else runs", what, bytes / 0x1p30, free / 0x1p30));
        }
    }

    /** What can be allocated without swapping, as far as the system tells; within a container's limit. */
    public static long freeBytes() {
        long total = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
        try (Stream<String> lines = Files.lines(Path.of("/proc/meminfo"))) {
            return lines.filter(line -> line.startsWith("MemAvailable:")).findFirst()
                    .map(line -> Math.min(total, Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)).orElse(total);
        } catch (IOException e) {
            return total; // not Linux
        }
    }
}
