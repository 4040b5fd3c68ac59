package io.chunkwise.runner.bench;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Two saved benchmarks, row by row. Rows belong together when they measured the same: device and executor may differ.
 *
 * @param onlyFirst  rows of the first file that the second lacks
 * @param onlySecond the other way round
 */
public record BenchComparison(List<Pair> pairs, int onlyFirst, int onlySecond) {
    private static final long MOST_BYTES = 1 << 28;
    /** What makes rows the same measurement. */
    private static final List<String> KEY = List.of("model", "type", "threads", "contextDepth", "kvPolicy", "kvType", "test", "rank",
            "loraMode");

    /**
     * Tokens per second of one row in both files.
     *
     * @param values of the key
     */
    public record Pair(List<String> values, double first, double firstDeviation, double second, double secondDeviation, boolean repeated) {

        /** Second over first: above 1 the second is faster. */
        public double ratio() {
            return second / first;
        }

        /** Whether the means are further apart than both standard deviations together; empty where a row was measured once. */
        public Optional<Boolean> beyondNoise() {
            return repeated ? Optional.of(Math.abs(second - first) > firstDeviation + secondDeviation) : Optional.empty();
        }
    }

    /**
     * @param first  what {@code bench} printed with --json or --output jsonl
     * @param second the same
     * @throws FormatException if a file is something else, or no row is in both
     */
    public static BenchComparison read(Path first, Path second) {
        Map<List<String>, JsonNode> before = rows(first);
        Map<List<String>, JsonNode> after = rows(second);
        List<Pair> pairs = new ArrayList<>();
        before.forEach((key, row) -> {
            JsonNode other = after.get(key);
            if (other != null) {
                pairs.add(new Pair(key, number(first, row, "tokensPerSecond"), number(first, row, "stddev"),
                        number(second, other, "tokensPerSecond"), number(second, other, "stddev"),
                        number(first, row, "repetitions") > 1 && number(second, other, "repetitions") > 1));
            }
        });
        if (pairs.isEmpty()) {
            throw new FormatException(second.toString(), "no row measures what a row of " + first + " does (" + String.join(", ", KEY)
                    + "); compare two runs of the same tests");
        }
        return new BenchComparison(pairs, before.size() - pairs.size(), after.size() - pairs.size());
    }

    private static Map<List<String>, JsonNode> rows(Path file) {
        List<JsonNode> rows = new ArrayList<>();
        ObjectMapper mapper = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY);
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw new FormatException(file.toString(), "is too large for the output of a benchmark");
            }
            try (MappingIterator<JsonNode> documents = mapper.readerFor(JsonNode.class).readValues(file.toFile())) {
                while (documents.hasNext()) {
                    JsonNode document = documents.next();
                    document.path("rows").forEach(rows::add);
                    if (document.has("tokensPerSecond")) {
                        rows.add(document);
                    }
                }
            }
        } catch (JsonProcessingException e) {
            throw new FormatException(file.toString(), "is not JSON: " + e.getOriginalMessage(), e);
        } catch (RuntimeException e) {
            throw e instanceof FormatException known ? known : new FormatException(file.toString(), "is not JSON: " + cause(e), e);
        } catch (IOException e) {
            throw new FormatException(file.toString(), "cannot be read (" + e.getClass().getSimpleName() + ")", e);
        }
        if (rows.isEmpty()) {
            throw new FormatException(file.toString(), "has no rows of a benchmark; save one with 'chunkwise bench --json'");
        }
        Map<List<String>, JsonNode> byKey = new LinkedHashMap<>();
        for (JsonNode row : rows) {
            for (String field : KEY) {
                if (!field(row, field).isValueNode()) {
                    throw new FormatException(file.toString(), "a row has no '" + field + "'; save it with 'chunkwise bench --json'");
                }
            }
            byKey.putIfAbsent(KEY.stream().map(field -> field(row, field).asText()).toList(), row);
        }
        return byKey;
    }

    // Before there was a choice, full pages were F32.
    private static JsonNode field(JsonNode row, String name) {
        return name.equals("kvType") && !row.has(name) ? TextNode.valueOf("f32") : row.path(name);
    }

    private static String cause(RuntimeException failure) {
        return failure.getCause() instanceof JsonProcessingException problem ? problem.getOriginalMessage() : failure.getMessage();
    }

    private static double number(Path file, JsonNode row, String field) {
        JsonNode value = row.path(field);
        if (!value.isNumber() || !Double.isFinite(value.asDouble()) || value.asDouble() < 0) {
            throw new FormatException(file.toString(), "'" + field + "' of a row is not a number from 0 up");
        }
        return value.asDouble();
    }

    /** As Markdown. */
    public List<String> lines() {
        List<Integer> varying = new ArrayList<>();
        for (int i = 0; i < KEY.size(); i++) {
            int column = i;
            if (KEY.get(i).equals("test") || pairs.stream().map(pair -> pair.values().get(column)).distinct().count() > 1) {
                varying.add(i);
            }
        }
        List<String> titles = new ArrayList<>(varying.stream().map(KEY::get).toList());
        titles.addAll(List.of(">first", ">second", ">ratio", "beyond noise"));
        Markdown table = new Markdown(titles);
        for (Pair pair : pairs) {
            List<String> cells = new ArrayList<>(varying.stream().map(column -> pair.values().get(column)).toList());
            cells.add(speed(pair.first(), pair.firstDeviation()));
            cells.add(speed(pair.second(), pair.secondDeviation()));
            cells.add(String.format(Locale.ROOT, "%.3f", pair.ratio()));
            cells.add(pair.beyondNoise().map(beyond -> beyond ? "yes" : "no").orElse("? (one repetition)"));
            table.row(cells);
        }
        List<String> lines = new ArrayList<>(table.lines());
        if (onlyFirst + onlySecond > 0) {
            lines.add("");
            lines.add("rows without a counterpart: " + onlyFirst + " of the first file, " + onlySecond + " of the second");
        }
        return lines;
    }

    private static String speed(double mean, double deviation) {
        return Quantities.rate(mean) + " ± " + BenchTable.digits(deviation);
    }

    /** {@code rows[]} with the fields of the key, and what came of the comparison. */
    public void writeJson(JsonGenerator json) throws IOException {
        json.writeNumberField("onlyFirst", onlyFirst);
        json.writeNumberField("onlySecond", onlySecond);
        json.writeArrayFieldStart("rows");
        for (Pair pair : pairs) {
            json.writeStartObject();
            for (int i = 0; i < KEY.size(); i++) {
                if (KEY.get(i).equals("threads") || KEY.get(i).equals("contextDepth") || KEY.get(i).equals("rank")) {
                    json.writeNumberField(KEY.get(i), Long.parseLong(pair.values().get(i)));
                } else {
                    json.writeStringField(KEY.get(i), pair.values().get(i));
                }
            }
            Json.number(json, "first", pair.first(), 3);
            Json.number(json, "second", pair.second(), 3);
            Json.number(json, "ratio", pair.ratio(), 4);
            if (pair.beyondNoise().isPresent()) {
                json.writeBooleanField("beyondNoise", pair.beyondNoise().get());
            } else {
                json.writeNullField("beyondNoise");
            }
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
