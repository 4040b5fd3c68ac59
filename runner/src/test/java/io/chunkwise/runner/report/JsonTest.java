package io.chunkwise.runner.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class JsonTest {

    @Test
    void numbersThatAreNoneBecomeNullAndTextIsUtf8() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Json.print(terminal(out), json -> {
            Json.number(json, "a", Double.NaN, 3);
            Json.number(json, "b", 1.23456, 3);
            Json.number(json, "c", 1e300, 3);
            json.writeStringField("d", "ü\n\"");
        });
        assertEquals("{\"a\":null,\"b\":1.235,\"c\":1.0E300,\"d\":\"ü\\n\\\"\"}\n", out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void aReaderThatHasGoneIsNoticed() {
        OutputStream closed = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Broken pipe");
            }
        };
        assertThrows(OutputClosedException.class, () -> Json.print(terminal(closed), json -> json.writeNumberField("a", 1)));
    }

    private static Terminal terminal(OutputStream out) {
        return Terminal.piped(new ByteArrayInputStream(new byte[0]), out, OutputStream.nullOutputStream());
    }
}
