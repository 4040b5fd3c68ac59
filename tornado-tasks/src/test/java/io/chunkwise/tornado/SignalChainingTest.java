package io.chunkwise.tornado;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * The compiler inside an OpenCL driver may replace the JVM's handler for SIGSEGV, which then kills the process where the JVM would have
 * gone on: see ARCHITECTURE.md. Seldom enough that no test shows it reliably, so this one looks for the remedy.
 */
@Tag("tornado")
@EnabledOnOs(OS.LINUX)
final class SignalChainingTest {

    @Test
    void theHandlersOfTheJvmStayInFrontOfTheDrivers() throws IOException {
        String libraries = Files.readString(Path.of("/proc/self/maps"));
        assertTrue(libraries.contains("libjsig"), "device tests run with libjsig preloaded (LD_PRELOAD)");
    }
}
