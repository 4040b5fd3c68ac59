package io.chunkwise.runner.trace;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.runner.report.Json;
import io.chunkwise.trace.ChunkTrace;
import io.chunkwise.trace.SequenceTrace;
import io.chunkwise.trace.TokenTrace;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** Traces as JSON fields; docs/json.md describes them. */
public final class TraceJson {
    private static final int DIGITS = 6;

    private TraceJson() {
    }

    /** {@code tokens[]}, {@code chunks[]}, {@code meanComponents}, {@code memory}. */
    public static void writeFields(JsonGenerator json, SequenceTrace trace) throws IOException {
        json.writeArrayFieldStart("tokens");
        for (TokenTrace token : trace.tokens()) {
            json.writeStartObject();
            json.writeNumberField("position", token.position());
            json.writeNumberField("id", token.id());
            json.writeBooleanField("generated", token.generated());
            writeSignals(json, token);
            json.writeEndObject();
        }
        json.writeEndArray();
        writeChunks(json, trace.chunks());
        Json.number(json, "meanComponents", trace.meanComponents(), DIGITS);
        writeMemory(json, trace.memory());
    }

    /** What was known of a token and what it got, as fields of its object. */
    public static void writeSignals(JsonGenerator json, TokenTrace token) throws IOException {
        Json.number(json, "entropy", token.entropy(), DIGITS);
        Json.number(json, "novelty", token.novelty(), DIGITS);
        Json.number(json, "attention", token.attention(), DIGITS);
        Json.number(json, "prior", token.prior(), DIGITS);
        Json.number(json, "score", token.score(), DIGITS);
        Json.number(json, "components", token.components(), DIGITS);
    }

    /** {@code chunks[]}. */
    public static void writeChunks(JsonGenerator json, List<ChunkTrace> chunks) throws IOException {
        json.writeArrayFieldStart("chunks");
        for (ChunkTrace chunk : chunks) {
            json.writeStartObject();
            json.writeNumberField("start", chunk.start());
            json.writeNumberField("end", chunk.end());
            json.writeStringField("band", chunk.band());
            json.writeNumberField("bandIndex", chunk.bandIndex());
            json.writeNumberField("bands", chunk.bands());
            json.writeStringField("rung", chunk.rung());
            Json.number(json, "meanComponents", chunk.meanComponents(), DIGITS);
            Json.number(json, "scale", chunk.scale(), DIGITS);
            json.writeStringField("kvFormat", word(chunk.kvFormat()));
            json.writeObjectFieldStart("kvPages");
            for (KvFormat format : KvFormat.values()) {
                json.writeNumberField(word(format), chunk.kvPages().getOrDefault(format, 0));
            }
            json.writeEndObject();
            Json.number(json, "linearizationError", chunk.linearizationError(), 9);
            json.writeStringField("adapter", chunk.adapter());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    /** {@code memory}. */
    public static void writeMemory(JsonGenerator json, SequenceTrace.Memory memory) throws IOException {
        json.writeObjectFieldStart("memory");
        json.writeNumberField("kvBytes", memory.kvBytes());
        json.writeNumberField("kvBytesFull", memory.kvBytesFull());
        json.writeNumberField("kvBytesPeak", memory.kvBytesPeak());
        json.writeNumberField("adapterBytes", memory.adapterBytes());
        json.writeNumberField("weightBytes", memory.weightBytes());
        json.writeEndObject();
    }

    /** "full", "q8", "q4", "evicted". */
    static String word(KvFormat format) {
        return format.name().toLowerCase(Locale.ROOT);
    }
}
