package io.chunkwise.runner.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.io.UncheckedIOException;

/** One JSON object on standard output, written as a stream: no tree, no reflection, so that it costs no start-up time. */
public final class Json {
    private Json() {
    }

    /** Writes the fields of an object. */
    @FunctionalInterface
    public interface Fields {
        void write(JsonGenerator json) throws IOException;
    }

    /** Prints the object and a newline. */
    public static void print(Terminal terminal, Fields fields) {
        try (JsonGenerator json = new JsonFactory().createGenerator(terminal.out()).disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)) {
            json.writeStartObject();
            fields.write(json);
            json.writeEndObject();
            json.writeRaw('\n');
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (terminal.out().checkError()) {
            throw new OutputClosedException();
        }
    }

    /** A number rounded to the digits that mean something; null where it is not finite. */
    public static void number(JsonGenerator json, String field, double value, int decimals) throws IOException {
        json.writeFieldName(field);
        number(json, value, decimals);
    }

    /** The same as a value by itself. */
    public static void number(JsonGenerator json, double value, int decimals) throws IOException {
        if (Double.isFinite(value)) {
            json.writeNumber(round(value, decimals));
        } else {
            json.writeNull();
        }
    }

    private static double round(double value, int decimals) {
        double unit = Math.pow(10, decimals);
        return Math.abs(value) < 1e9 ? Math.rint(value * unit) / unit : value;
    }
}
