package io.chunkwise.evaluate.journal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.EvaluationJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** {@code {"id":…,"result":{…},"configuration":{…}}} and a line feed. */
record JournalLine<R>(String id, R result, Configuration configuration) {
    /** What every line begins with. */
    static final byte[] BEGINNING = "{\"id\":\"".getBytes(StandardCharsets.UTF_8);

    byte[] bytes() {
        ObjectNode line = EvaluationJson.MAPPER.createObjectNode();
        line.put("id", id);
        line.set("result", EvaluationJson.MAPPER.valueToTree(result));
        line.set("configuration", configuration.json());
        try {
            return (EvaluationJson.MAPPER.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a result of " + result.getClass().getSimpleName() + " cannot be written as JSON", e);
        }
    }

    /**
     * @param bytes without the line feed
     * @throws IllegalArgumentException saying what is wrong, in some words
     */
    static <R> JournalLine<R> read(byte[] bytes, Class<R> type) {
        try {
            JsonNode line = EvaluationJson.MAPPER.readTree(bytes);
            if (!line.path("id").isTextual() || !line.path("result").isObject() || !line.path("configuration").isObject()
                    || line.size() != 3) {
                throw new IllegalArgumentException("is not a result with id, result and configuration");
            }
            return new JournalLine<>(line.get("id").textValue(), EvaluationJson.MAPPER.treeToValue(line.get("result"), type),
                    Configuration.of(line.get("configuration")));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("is damaged, or a result of another kind (" + e.getOriginalMessage() + ")", e);
        } catch (IOException e) {
            throw new IllegalArgumentException("is damaged", e);
        }
    }
}
