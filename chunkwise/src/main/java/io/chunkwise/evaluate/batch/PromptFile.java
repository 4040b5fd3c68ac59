package io.chunkwise.evaluate.batch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.evaluate.EvaluationJson;
import io.chunkwise.evaluate.Item;
import io.chunkwise.model.format.FormatException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Prompts, a JSON object per line:
 * {@code {"prompt": "Dear", "id": "letter", "maxTokens": 20, "stop": ["\n"], "temperature": 0, "seed": 7}}. All but the prompt may be left
 * out. A prompt without an id has the number of its line; lines without anything are left out.
 */
public final class PromptFile {
    private static final List<String> KEYS = List.of("prompt", "id", "maxTokens", "stop", "temperature", "seed");

    private final String file;
    private final int number; // of the line, from 1
    private final JsonNode line;

    private PromptFile(String file, int number, JsonNode line) {
        this.file = file;
        this.number = number;
        this.line = line;
    }

    /**
     * @param file named in errors
     * @return at least one, with ids that occur once
     * @throws FormatException naming the line that is wrong
     */
    public static List<Item<Prompt>> read(String file, List<String> lines) {
        List<Item<Prompt>> prompts = new ArrayList<>();
        Map<String, Integer> homes = new HashMap<>();
        for (int number = 1; number <= lines.size(); number++) {
            String text = lines.get(number - 1);
            if (text.isBlank()) {
                continue;
            }
            PromptFile line = new PromptFile(file, number, parsed(file, number, text));
            Item<Prompt> prompt = line.prompt();
            Integer home = homes.putIfAbsent(prompt.id(), number);
            if (home != null) {
                throw line.wrong("the id '" + prompt.id() + "' is that of line " + home + ", too; every prompt needs one of its own"
                        + (line.line.has("id") ? "" : " (without an id it is the number of the line)"));
            }
            prompts.add(prompt);
        }
        if (prompts.isEmpty()) {
            throw new FormatException(file, "has no prompts; expected lines such as {\"prompt\": \"Once upon a time\"}");
        }
        return prompts;
    }

    private static JsonNode parsed(String file, int number, String text) {
        try {
            JsonNode line = EvaluationJson.MAPPER.readTree(text);
            if (line.isObject()) {
                return line;
            }
        } catch (JsonProcessingException e) {
            throw new FormatException(file, "line " + number + " is no JSON object (" + e.getOriginalMessage()
                    + "); expected one per line, such as "
                    + "{\"prompt\": \"Once upon a time\"}", e);
        }
        throw new FormatException(file, "line " + number
                + " is no JSON object; expected one per line, such as {\"prompt\": \"Once upon a time\"}");
    }

    private Item<Prompt> prompt() {
        line.fieldNames().forEachRemaining(key -> {
            if (!KEYS.contains(key)) {
                throw wrong("the key '" + key + "' is unknown; expected " + String.join(", ", KEYS));
            }
        });
        if (!line.has("prompt")) {
            throw wrong("there is no 'prompt'");
        }
        return new Item<>(id(), new Prompt(text("prompt", line.get("prompt")), maxTokens(), stop(), temperature(), seed()));
    }

    private String id() {
        JsonNode id = line.get("id");
        if (id == null) {
            return Integer.toString(number);
        }
        String text = id.isIntegralNumber() ? id.asText() : text("id", id);
        if (text.isEmpty()) {
            throw wrong("the 'id' is empty");
        }
        return text;
    }

    private OptionalInt maxTokens() {
        JsonNode value = line.get("maxTokens");
        if (value == null) {
            return OptionalInt.empty();
        }
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
            throw wrong("'maxTokens' is " + value + ", expected a whole number from 0 up");
        }
        return OptionalInt.of(value.intValue());
    }

    private Optional<List<String>> stop() {
        JsonNode value = line.get("stop");
        if (value == null) {
            return Optional.empty();
        }
        List<String> texts = new ArrayList<>();
        (value.isArray() ? value : List.of(value)).forEach(text -> texts.add(text("stop", text)));
        if (texts.contains("")) {
            throw wrong("an empty 'stop' would stop at once");
        }
        return Optional.of(texts);
    }

    private OptionalDouble temperature() {
        JsonNode value = line.get("temperature");
        if (value == null) {
            return OptionalDouble.empty();
        }
        if (!value.isNumber() || !(value.doubleValue() >= 0) || Double.isInfinite(value.doubleValue())) {
            throw wrong("'temperature' is " + value + ", expected a number from 0 up");
        }
        return OptionalDouble.of(value.doubleValue());
    }

    private OptionalLong seed() {
        JsonNode value = line.get("seed");
        if (value == null) {
            return OptionalLong.empty();
        }
        if (!value.isIntegralNumber() || !value.canConvertToLong()) {
            throw wrong("'seed' is " + value + ", expected a whole number");
        }
        return OptionalLong.of(value.longValue());
    }

    /** A string that comes back from a file as it was: JSON can have halves of characters, UTF-8 cannot. */
    private String text(String key, JsonNode value) {
        if (!value.isTextual()) {
            throw wrong("'" + key + "' is " + value + ", expected a text in quotes");
        }
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(value.textValue())) {
            throw wrong("'" + key + "' has half a character (a lone surrogate)");
        }
        return value.textValue();
    }

    private FormatException wrong(String problem) {
        return new FormatException(file, "line " + number + ": " + problem);
    }
}
