package io.chunkwise.runner.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ProgressBarsTest {
    private final ByteArrayOutputStream screen = new ByteArrayOutputStream();

    @Test
    void shortWorkPassesUnseen() {
        try (ProgressBars bars = new ProgressBars(terminal())) {
            for (int i = 0; i <= 5; i++) {
                bars.report("loading", i, 5);
            }
        }
        assertEquals("", screen.toString(StandardCharsets.UTF_8));
    }

    @Test
    void longWorkIsShownOnOneLineAndWipedAwayAtItsEnd() throws InterruptedException {
        try (ProgressBars bars = new ProgressBars(terminal())) {
            bars.report("loading", 1, 5);
            for (int i = 0; i < 100 && !screen.toString(StandardCharsets.UTF_8).contains("loading"); i++) {
                Thread.sleep(50);
            }
            bars.report("loading", 3, 5);
            bars.report("loading", 5, 5);
        }
        String shown = screen.toString(StandardCharsets.UTF_8);
        assertTrue(shown.contains("loading"), shown);
        assertTrue(!shown.contains("\n"), shown);
        assertTrue(shown.endsWith("\r\033[K"), shown.substring(Math.max(0, shown.length() - 20)));
        for (String line : shown.split("\r")) {
            assertTrue(line.replaceAll("\033\\[[0-9;]*[A-Za-z]", "").length() < 60, line);
        }
    }

    private Terminal terminal() {
        return new Terminal(new ByteArrayInputStream(new byte[0]), new PrintStream(OutputStream.nullOutputStream()),
                new PrintStream(screen, true, StandardCharsets.UTF_8), false, true, true, () -> 60);
    }
}
