package io.chunkwise.runner.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.benchmark.BenchRow;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The forms in which rows are printed: those of llama-bench. */
public enum BenchOutput {
    /** Markdown, for people. */
    MD,
    CSV,
    /** One object. */
    JSON,
    /** One object per row and line, as soon as it is known. */
    JSONL;

    private static final List<String> DESCRIBING =
            List.of("model", "executor", "device", "deviceName", "threads", "readBandwidthGBps", "repetitions");

    public static BenchOutput parse(String word) {
        try {
            return valueOf(word.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("there is no output '" + word + "'; use md, csv, json or jsonl", e);
        }
    }

    /** Prints rows as they come in, where the form allows it, and the rest at the end. */
    public static final class Printer {
        private final BenchOutput form;
        private final Terminal terminal;
        private final String version;
        private final List<BenchRow> rows = new ArrayList<>();

        /** @param version of this program */
        public Printer(BenchOutput form, Terminal terminal, String version) {
            this.form = form;
            this.terminal = terminal;
            this.version = version;
        }

        public void add(List<BenchRow> more) {
            switch (form) {
                case MD, JSON -> {
                }
                case CSV -> {
                    if (rows.isEmpty()) {
                        terminal.out().println(BenchField.ALL.stream().map(BenchField::name).collect(Collectors.joining(",")));
                    }
                    more.forEach(row -> terminal.out().println(
                            BenchField.ALL.stream().map(field -> field.csv(row)).collect(Collectors.joining(","))));
                }
                case JSONL -> more.forEach(row -> terminal.out().println(line(row, version)));
            }
            rows.addAll(more);
            flush();
        }

        public void end() {
            switch (form) {
                case MD -> BenchTable.lines(rows).forEach(terminal.out()::println);
                case CSV, JSONL -> {
                }
                case JSON -> Json.print(terminal, json -> writeJson(json, rows, version));
            }
            flush();
        }

        private void flush() {
            if (terminal.out().checkError()) {
                throw new OutputClosedException();
            }
        }
    }

    /** {@code rows[]}; beside it what all rows share. */
    static void writeJson(JsonGenerator json, List<BenchRow> rows, String version) throws IOException {
        writeKind(json, version);
        for (BenchField field : BenchField.ALL) {
            if (shared(field, rows)) {
                field.write(json, rows.getFirst());
            }
        }
        json.writeArrayFieldStart("rows");
        for (BenchRow row : rows) {
            json.writeStartObject();
            writeFields(json, row);
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void writeKind(JsonGenerator json, String version) throws IOException {
        json.writeStringField("kind", "bench");
        json.writeStringField("version", version);
    }

    private static boolean shared(BenchField field, List<BenchRow> rows) {
        return DESCRIBING.contains(field.name()) && rows.stream().map(field.value()).distinct().count() == 1;
    }

    private static void writeFields(JsonGenerator json, BenchRow row) throws IOException {
        for (BenchField field : BenchField.ALL) {
            field.write(json, row);
        }
        json.writeArrayFieldStart("samples");
        for (double sample : row.samples()) {
            Json.number(json, sample, 3);
        }
        json.writeEndArray();
        if (row.profile().isPresent()) {
            json.writeArrayFieldStart("kernels");
            for (KernelTime kernel : row.profile().get().kernels()) {
                json.writeStartObject();
                json.writeStringField("name", kernel.name());
                json.writeNumberField("launches", kernel.launches());
                Json.number(json, "ms", kernel.nanos() * 1e-6, 4);
                json.writeEndObject();
            }
            json.writeEndArray();
        }
    }

    private static String line(BenchRow row, String version) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.writeStartObject();
            writeKind(json, version);
            writeFields(json, row);
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }
}
