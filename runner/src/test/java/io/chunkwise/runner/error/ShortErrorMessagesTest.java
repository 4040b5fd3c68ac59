package io.chunkwise.runner.error;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

class ShortErrorMessagesTest {
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final ShortErrorMessages messages = new ShortErrorMessages(
            Terminal.piped(new ByteArrayInputStream(new byte[0]), OutputStream.nullOutputStream(), err));

    @Test
    void expectedFailuresAreTheirMessage() {
        assertEquals("chunkwise: a.gguf: is cut short\n", said(new FormatException("a.gguf", "is cut short")));
        assertEquals("chunkwise: no device\n", said(new ExecutorException("no device")));
        assertEquals("chunkwise: a prompt without tokens\n", said(new IllegalArgumentException("a prompt without tokens")));
        assertEquals("chunkwise: x.txt: there is no such file or directory\n",
                said(new UncheckedIOException(new NoSuchFileException("x.txt"))));
        assertEquals("chunkwise: x.txt: may not be read or written (permissions)\n", said(new AccessDeniedException("x.txt")));
        assertEquals("chunkwise: No space left on device\n", said(new IOException("No space left on device")));
    }

    @Test
    void aBugIsOneLineToo() {
        assertEquals("chunkwise: unexpected NullPointerException: x is null (this is a bug; run with --errors for the stack trace)\n",
                said(new NullPointerException("x is null")));
    }

    @Test
    void aFullHeapSaysWhatToDo() {
        String said = said(new OutOfMemoryError("Java heap space"));
        assertTrue(said.startsWith("chunkwise: out of memory") && said.contains("-Xmx") && said.contains("--context"), said);
        assertEquals(1, said.lines().count(), said);
    }

    @Test
    void aMessageCannotMoveTheCursorOrAddLines() {
        assertEquals("chunkwise: a b\uFFFD[2J\n", said(new IllegalArgumentException("a\n\n  b\u001b[2J")));
    }

    @Test
    void aClosedOutputIsNoError() {
        assertEquals(0, messages.handle(new OutputClosedException(), false));
        assertEquals("", err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void theTraceIsShownWhereItIsWanted() {
        messages.handle(new FormatException("a", "b"), true);
        assertTrue(err.toString(StandardCharsets.UTF_8).contains("\tat "), err.toString(StandardCharsets.UTF_8));
    }

    private String said(Throwable problem) {
        err.reset();
        assertEquals(1, messages.handle(problem, false));
        return err.toString(StandardCharsets.UTF_8);
    }
}
