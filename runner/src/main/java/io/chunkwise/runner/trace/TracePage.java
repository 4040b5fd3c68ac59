package io.chunkwise.runner.trace;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.runner.html.Markup;
import io.chunkwise.runner.html.PageFile;
import io.chunkwise.runner.report.Json;
import io.chunkwise.trace.KvTrace;
import io.chunkwise.trace.TokenTrace;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Path;
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
     * Writes the page; {@code file} is never there in part.
     *
     * @throws IOException if it cannot be written; nothing of it is left then
     */
    public static void write(Path file, TraceReport report) throws IOException {
        PageFile.write(file, out -> write(out, report));
    }

    static void write(Writer out, TraceReport report) throws IOException {
        PageFile.fill(out, resource("trace.html"), (mark, page) -> {
            switch (mark) {
                case "title" -> page.write(Markup.escaped("ChunkWise: " + report.title()));
                case "style" -> page.write(resource("trace.css"));
                case "script" -> page.write(resource("trace.js"));
                case "data" -> writeData(page, report);
                default -> throw new IllegalStateException("trace.html has an unknown mark " + mark);
            }
        });
    }

    private static void writeData(Writer out, TraceReport report) throws IOException {
        try (JsonGenerator json = Markup.data(out)) {
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

    private static String resource(String name) throws IOException {
        return PageFile.resource(TracePage.class, name);
    }
}
