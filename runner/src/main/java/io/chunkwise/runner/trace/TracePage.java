package io.chunkwise.runner.trace;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.runner.report.Json;
import io.chunkwise.trace.KvTrace;
import io.chunkwise.trace.TokenTrace;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import java.util.function.ToLongFunction;

/**
 * A trace as one page that needs nothing but a browser: trace.html with trace.css, trace.js and the trace's data put in. The script
 * writes text nodes and attributes only, never markup, so that a text cannot become part of the page.
 */
public final class TracePage {
    private static final int DIGITS = 4;

    private TracePage() {
    }

    /**
     * Writes the page under another name beside it and then moves it into place: {@code file} is never there in part.
     *
     * @throws IOException if it cannot be written; nothing of it is left then
     */
    public static void write(Path file, TraceReport report) throws IOException {
        Path target = file.toAbsolutePath();
        Path unfinished = target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID() + ".part");
        try {
            // Replaces what UTF-8 cannot hold (halves of surrogate pairs, from a tokenizer) instead of failing on it.
            try (Writer out = new BufferedWriter(new OutputStreamWriter(Files.newOutputStream(unfinished, StandardOpenOption.CREATE_NEW),
                    StandardCharsets.UTF_8))) {
                write(out, report);
            }
            Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    static void write(Writer out, TraceReport report) throws IOException {
        // What is put in is never looked through for marks again: each piece goes out as it is.
        String rest = resource("trace.html");
        while (true) {
            int open = rest.indexOf("{{");
            if (open < 0) {
                out.write(rest);
                return;
            }
            int close = rest.indexOf("}}", open);
            out.write(rest, 0, open);
            switch (rest.substring(open + 2, close)) {
                case "title" -> out.write(escaped("ChunkWise: " + report.title()));
                case "style" -> out.write(resource("trace.css"));
                case "script" -> out.write(resource("trace.js"));
                case "data" -> writeData(out, report);
                case String mark -> throw new IllegalStateException("trace.html has an unknown mark " + mark);
            }
            rest = rest.substring(close + 2);
        }
    }

    private static void writeData(Writer out, TraceReport report) throws IOException {
        JsonFactory factory = new JsonFactory();
        factory.setCharacterEscapes(new ScriptEscapes());
        try (JsonGenerator json = factory.createGenerator(out).disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)) {
            json.writeStartObject();
            json.writeStringField("model", report.model());
            json.writeArrayFieldStart("adapters");
            for (String adapter : report.adapters()) {
                json.writeString(adapter);
            }
            json.writeEndArray();
            json.writeStringField("policy", report.policy());
            json.writeStringField("kvPolicy", report.kvPolicy());
            json.writeStringField("executor", report.executor());
            json.writeStringField("device", report.device());
            json.writeNumberField("promptTokens", report.promptTokens());
            Json.number(json, "meanComponents", report.trace().meanComponents(), DIGITS);
            Json.number(json, "maxComponents", report.maxComponents(), DIGITS);
            writeTokens(json, report);
            TraceJson.writeChunks(json, report.trace().chunks());
            writeKv(json, report);
            TraceJson.writeMemory(json, report.trace().memory());
            json.writeEndObject();
        }
    }

    // A column per number: a third of the bytes that objects would take, for tens of thousands of tokens.
    private static void writeTokens(JsonGenerator json, TraceReport report) throws IOException {
        json.writeObjectFieldStart("tokens");
        json.writeArrayFieldStart("text");
        for (String text : report.texts()) {
            json.writeString(text);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("id");
        for (TokenTrace token : report.trace().tokens()) {
            json.writeNumber(token.id());
        }
        json.writeEndArray();
        writeColumn(json, "entropy", report.column(TokenTrace::entropy));
        writeColumn(json, "novelty", report.column(TokenTrace::novelty));
        writeColumn(json, "attention", report.column(TokenTrace::attention));
        writeColumn(json, "prior", report.column(TokenTrace::prior));
        writeColumn(json, "benefit", report.column(TokenTrace::benefit));
        writeColumn(json, "score", report.column(TokenTrace::score));
        writeColumn(json, "components", report.column(TokenTrace::components));
        json.writeEndObject();
    }

    /** Null in place of the whole column if nothing of it is known. */
    private static void writeColumn(JsonGenerator json, String name, float[] values) throws IOException {
        boolean known = false;
        for (float value : values) {
            known |= Float.isFinite(value);
        }
        if (!known && values.length > 0) {
            json.writeNullField(name);
            return;
        }
        json.writeArrayFieldStart(name);
        for (float value : values) {
            Json.number(json, value, DIGITS);
        }
        json.writeEndArray();
    }

    private static void writeKv(JsonGenerator json, TraceReport report) throws IOException {
        json.writeObjectFieldStart("kv");
        writeKvColumn(json, report, "tokens", KvTrace::tokens);
        writeKvColumn(json, report, "bytes", KvTrace::bytes);
        writeKvColumn(json, report, "full", KvTrace::fullBytes);
        json.writeEndObject();
    }

    private static void writeKvColumn(JsonGenerator json, TraceReport report, String name, ToLongFunction<KvTrace> column)
            throws IOException {
        json.writeArrayFieldStart(name);
        for (KvTrace kv : report.trace().kv()) {
            json.writeNumber(column.applyAsLong(kv));
        }
        json.writeEndArray();
    }

    // Characters that move the cursor or turn the direction of writing are shown as what they are: not text.
    private static String escaped(String text) {
        return text.replaceAll("[\\p{Cntrl}\\u202a-\\u202e\\u2066-\\u2069]", "\uFFFD").replace("&", "&amp;")
                .replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;").replace("'", "&#39;");
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = TracePage.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("the program lacks its file " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
