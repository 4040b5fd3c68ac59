package io.chunkwise.runner.report.results;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.format.FormatException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a document of each kind says. */
final class ResultReader {
    private static final int LONGEST_VALUE = 300;
    private static final int MOST_VALUES = 6;
    /** Of rows, what says how they were made. */
    private static final List<String> OF_ROWS = List.of("model", "type", "executor", "device", "deviceName", "threads", "policy",
            "kvPolicy", "repetitions", "readBandwidthGBps", "version");

    private ResultReader() {
    }

    static Result read(Fields file, String name) {
        if (!file.json().isObject() || !file.json().path("kind").isTextual()) {
            throw new FormatException(file.file(), "has no 'kind', so that nobody knows what it is; results are what bench, eval, "
                    + "calibrate, generate and score of this version print with --json");
        }
        String kind = file.text("kind");
        Source source = source(List.of(file.json()), name, kind);
        return switch (kind) {
            case "perplexity" -> perplexity(file, source);
            case "squad" -> new Result.Squad(source, file.number("exact"), file.number("f1"), file.numberOrUnknown("hasAnsExact"),
                    file.numberOrUnknown("hasAnsF1"), file.numberOrUnknown("noAnsExact"), file.numberOrUnknown("noAnsF1"),
                            file.count("total"));
            case "bleu" -> new Result.Bleu(source, file.number("bleu"), file.number("chrf2"), file.text("signature"),
                    file.count("segments"));
            case "ablation" -> ablation(file, source);
            case "calibration" -> calibration(file, source);
            case "generation", "score" -> trace(file, source);
            case String other -> throw new FormatException(file.file(), "is of the kind '" + other
                    + "', of which there is no report; expected "
                    + "bench, perplexity, squad, bleu, ablation, calibration, generation or score");
        };
    }

    /** @param documents one with rows, or one per row */
    static Result bench(String file, String name, List<JsonNode> documents) {
        List<Result.Speed> rows = new ArrayList<>();
        for (int i = 0; i < documents.size(); i++) {
            Fields document = new Fields(file, documents.size() == 1 ? "" : "line " + (i + 1) + ": ", documents.get(i));
            if (!document.json().path("kind").asText().equals("bench")) {
                throw new FormatException(file, document.where() + "is no row of bench");
            }
            if (document.json().has("rows")) {
                document.list("rows").forEach(row -> rows.add(speed(row)));
            } else {
                rows.add(speed(document));
            }
        }
        if (rows.isEmpty()) {
            throw new FormatException(file, "has no rows");
        }
        return new Result.Bench(source(documents, name, "bench"), rows);
    }

    private static Result.Speed speed(Fields row) {
        double speed = row.number("tokensPerSecond");
        if (speed <= 0) {
            throw new FormatException(row.file(), "'" + row.where() + "tokensPerSecond' is " + speed + ", expected more than 0");
        }
        return new Result.Speed(row.text("model"), row.text("type"), row.text("executor"), row.text("device"), row.text("deviceName"),
                row.count("threads"), row.text("test"), row.count("newTokens") > 0, row.count("contextDepth"), keptAs(row),
                row.count("rank"), row.text("loraMode"), speed, row.number("stddev"), row.numberOrUnknown("toBase"),
                row.numberOrUnknown("floorMultiple"), row.numberOrUnknown("launchesPerToken"), row.count("peakDeviceBytes"));
    }

    /** The KV policy, and the number format of full pages where that is not F32: "full, f16". */
    private static String keptAs(Fields made) {
        String type = made.textOrNone("kvType");
        return made.text("kvPolicy") + (type.isEmpty() || type.equals("f32") ? "" : ", " + type);
    }

    private static Result perplexity(Fields file, Source source) {
        // Shards that were merged have what they went by in their configuration.
        Fields made = file.json().has("configuration") ? file.object("configuration") : file;
        return new Result.Perplexity(source, made.textOrNone("text"), file.text("recipe"), file.count("window"), file.count("stride"),
                quality(file, made));
    }

    private static Result.Quality quality(Fields figures, Fields made) {
        double perplexity = figures.number("perplexity");
        if (perplexity <= 0) {
            throw new FormatException(figures.file(), "'" + figures.where() + "perplexity' is " + perplexity + ", expected more than 0");
        }
        return new Result.Quality(made.text("policy"), keptAs(made), figures.number("nll"), perplexity,
                figures.numberOrUnknown("meanComponents"), figures.numberOrUnknown("kvBytes"), figures.numberOrUnknown("msPerToken"));
    }

    private static Result ablation(Fields file, Source source) {
        List<Result.Trial> rows = file.list("rows").stream().map(row -> new Result.Trial(row.text("experiment"), row.text("variant"),
                row.textOrNone("reference"), quality(row, row), row.countOrUnknown("windows"), row.countOrUnknown("tokens"),
                row.numberOrUnknown("difference"), row.numberOrUnknown("standardError"), row.numberOrUnknown("atUniform"),
                row.numberOrUnknown("atUniformError"))).toList();
        if (rows.isEmpty()) {
            throw new FormatException(file.file(), "has no rows");
        }
        return new Result.Ablation(source, source.value("text").orElse(""), source.value("window").orElse(""), rows);
    }

    private static Result calibration(Fields file, Source source) {
        Fields budget = file.object("budget");
        Fields heldOut = file.object("heldOut");
        List<Result.Candidate> candidates = file.list("candidates").stream().map(candidate -> new Result.Candidate(candidate.text("name"),
                candidate.textOrNone("policyKind"), candidate.textOrNone("kvPolicy"), candidate.numberOrUnknown("meanComponents"),
                        candidate.numberOrUnknown("kvBytes"),
                candidate.numberOrUnknown("increase"), candidate.numberOrUnknown("standardError"), candidate.flag("chosen"))).toList();
        return new Result.Calibration(source, file.textOrNone("policy"), budget.numberOrUnknown("maxPplIncrease"),
                budget.numberOrUnknown("meanComponents"), file.numberOrUnknown("predictedIncrease"), file.number("measuredIncrease"),
                file.numberOrUnknown("predictedComponents"), file.numberOrUnknown("measuredComponents"), file.numberOrUnknown("kvBytes"),
                file.numberOrUnknown("kvBytesFull"), file.flag("withinBudget"), candidates,
                new Result.HeldOut(heldOut.textOrNone("text"), heldOut.numberOrUnknown("tokens"), heldOut.numberOrUnknown("nll"),
                        heldOut.numberOrUnknown("perplexity"), heldOut.numberOrUnknown("fullNll"),
                                heldOut.numberOrUnknown("fullPerplexity"), heldOut.numberOrUnknown("standardError")));
    }

    private static Result trace(Fields file, Source source) {
        List<Result.Token> tokens = file.list("tokens").stream().map(
                token -> new Result.Token(token.numberOrUnknown("score"), token.numberOrUnknown("components"))).toList();
        List<Result.Chunk> chunks = new ArrayList<>();
        long next = 0;
        for (Fields chunk : file.list("chunks")) {
            long start = chunk.count("start");
            long end = chunk.count("end");
            if (start != next || end <= start || end > tokens.size()) {
                throw new FormatException(file.file(), "'" + chunk.where() + "start' and 'end' are " + start + " and " + end
                        + "; chunks cover the tokens in order, and " + next + " of " + tokens.size() + " come before this one");
            }
            next = end;
            chunks.add(new Result.Chunk(start, end, chunk.text("band"), chunk.text("rung"), chunk.numberOrUnknown("meanComponents"),
                    chunk.text("kvFormat")));
        }
        if (next != tokens.size()) {
            throw new FormatException(file.file(), "the chunks end at " + next + ", but there are " + tokens.size() + " tokens");
        }
        Fields memory = file.object("memory");
        return new Result.Trace(source, tokens, chunks, file.numberOrUnknown("meanComponents"), memory.count("kvBytesPeak"),
                memory.count("kvBytesFull"));
    }

    private static Source source(List<JsonNode> documents, String name, String kind) {
        Map<String, Set<String>> fields = new LinkedHashMap<>();
        for (JsonNode document : documents) {
            if (documents.size() == 1) {
                collect(fields, "", document);
            }
            for (String field : OF_ROWS) {
                if (document.has(field)) {
                    if (documents.size() > 1) {
                        fields.computeIfAbsent(field, key -> new LinkedHashSet<>()).add(document.get(field).asText());
                    }
                } else {
                    document.path("rows").forEach(row -> {
                        if (row.path(field).isValueNode() && !row.path(field).isNull()) {
                            fields.computeIfAbsent(field, key -> new LinkedHashSet<>()).add(row.get(field).asText());
                        }
                    });
                }
            }
        }
        Map<String, String> joined = new LinkedHashMap<>();
        fields.forEach((field, values) -> joined.put(field, joined(values)));
        return new Source(name, kind, joined);
    }

    private static String joined(Set<String> values) {
        String shown = String.join(", ", values.stream().limit(MOST_VALUES).toList())
                + (values.size() > MOST_VALUES ? " and " + (values.size() - MOST_VALUES) + " more" : "");
        return shown.length() <= LONGEST_VALUE ? shown : shown.substring(0, LONGEST_VALUE) + '…';
    }

    private static void collect(Map<String, Set<String>> fields, String prefix, JsonNode object) {
        for (Iterator<Map.Entry<String, JsonNode>> entries = object.fields(); entries.hasNext();) {
            Map.Entry<String, JsonNode> entry = entries.next();
            String field = prefix + entry.getKey();
            JsonNode value = entry.getValue();
            if (value.isValueNode()) {
                fields.computeIfAbsent(field, key -> new LinkedHashSet<>()).add(value.isNull() ? "–" : value.asText());
            } else if (value.isObject()) {
                collect(fields, field + '.', value);
            } else if (!value.isEmpty() && value.get(0).isValueNode() && !field.equals("newIds")) {
                Set<String> values = new LinkedHashSet<>();
                value.forEach(item -> values.add(item.asText()));
                fields.computeIfAbsent(field, key -> new LinkedHashSet<>()).add(joined(values));
            }
        }
    }
}
