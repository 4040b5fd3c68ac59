package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.generate.GenerationResult;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.trace.TraceJson;
import io.chunkwise.schedule.SequenceCost;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What {@code generate} says about a text beside the text; docs/json.md describes the JSON. */
final class GenerationReport {

    private GenerationReport() {
    }

    static void writeJson(JsonGenerator json, Session session, GenerationResult result, long seed) throws IOException {
        json.writeStringField("kind", "generation");
        json.writeStringField("text", result.text());
        json.writeFieldName("newIds");
        json.writeArray(result.tokens(), 0, result.tokens().length);
        json.writeNumberField("promptTokens", result.promptTokens());
        json.writeStringField("stopReason", result.stopReason().name().toLowerCase(Locale.ROOT));
        session.writeJson(json);
        json.writeStringField("version", ChunkwiseCommand.Version.text());
        json.writeNumberField("seed", seed);
        json.writeObjectFieldStart("timings");
        Json.number(json, "loadMs", session.loadNanos() * 1e-6, 3);
        Json.number(json, "prefillMs", result.prefillNanos() * 1e-6, 3);
        Json.number(json, "decodeMsPerToken", result.decodeMillisPerToken().orElse(Double.NaN), 4);
        json.writeEndObject();
        TraceJson.writeFields(json, session.scheduler().trace());
    }

    /** One or two lines for standard error. */
    static List<String> remarks(Session session, GenerationResult result) {
        List<String> lines = new ArrayList<>();
        String decode = result.decodeMillisPerToken().isEmpty() ? ""
                : " (" + Quantities.rate(1000 / result.decodeMillisPerToken().getAsDouble()) + "/s)";
        lines.add(result.promptTokens() + " prompt tokens in " + Quantities.time(result.prefillNanos()) + " ("
                + Quantities.rate(result.prefillTokensPerSecond()) + "/s), " + result.tokens().length + " new in "
                + Quantities.time(result.decodeNanos()) + decode + "; " + session.description() + stopRemark(result));
        if (session.decides()) {
            lines.add(cost(session.scheduler().cost()));
        }
        return lines;
    }

    /** "9.3 active components per token and projection, KV cache 1.2 MiB (61 % of full)". */
    static String cost(SequenceCost cost) {
        String share = cost.kvBytesFull() == 0 ? ""
                : String.format(Locale.ROOT, " (%.0f %% of full)", 100.0 * cost.kvBytes() / cost.kvBytesFull());
        return String.format(Locale.ROOT, "%.1f active components per token and projection, KV cache %s", cost.meanComponents(),
                Quantities.bytes(cost.kvBytes())) + share;
    }

    private static String stopRemark(GenerationResult result) {
        return switch (result.stopReason()) {
            case CONTEXT_FULL -> "; stopped because the context is full (raise --context, or go on with --kv-policy window:N)";
            case END_OF_TEXT, STOP_STRING, MAX_TOKENS -> "";
        };
    }
}
