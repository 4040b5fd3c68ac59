package io.chunkwise.evaluate.squad;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.evaluate.EvaluationJson;
import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads the official files: data sets (v1.1 and v2.0) and predictions. */
public final class SquadFile {
    private SquadFile() {
    }

    /**
     * The questions of a data set, in order.
     *
     * @throws FormatException      if it is none, or an id is there twice
     * @throws UncheckedIOException if it cannot be read
     */
    public static List<SquadQuestion> questions(Path file) {
        JsonNode root = json(file);
        List<SquadQuestion> questions = new ArrayList<>();
        Set<String> ids = new HashSet<>();
        for (JsonNode article : array(file, root, "data")) {
            for (JsonNode paragraph : array(file, article, "paragraphs")) {
                String context = text(file, paragraph, "context");
                for (JsonNode question : array(file, paragraph, "qas")) {
                    List<String> answers = new ArrayList<>();
                    array(file, question, "answers").forEach(answer -> answers.add(text(file, answer, "text")));
                    String id = text(file, question, "id");
                    if (id.isEmpty() || !ids.add(id)) {
                        throw new FormatException(file.toString(), "the question id '" + id + "' is "
                                + (id.isEmpty() ? "empty" : "there twice"));
                    }
                    questions.add(new SquadQuestion(id, context, text(file, question, "question"), answers));
                }
            }
        }
        if (questions.isEmpty()) {
            throw new FormatException(file.toString(), "has no questions");
        }
        return questions;
    }

    /**
     * Predicted answers by question id: one JSON object.
     *
     * @throws FormatException      if it is something else
     * @throws UncheckedIOException if it cannot be read
     */
    public static Map<String, String> predictions(Path file) {
        JsonNode root = json(file);
        if (!root.isObject()) {
            throw new FormatException(file.toString(), "is no object of answers by question id");
        }
        Map<String, String> answers = new LinkedHashMap<>();
        root.fields().forEachRemaining(field -> {
            if (!field.getValue().isTextual()) {
                throw new FormatException(file.toString(), "the answer of '" + field.getKey() + "' is not text");
            }
            answers.put(field.getKey(), field.getValue().textValue());
        });
        return answers;
    }

    private static JsonNode json(Path file) {
        try {
            return EvaluationJson.MAPPER.readTree(Files.readAllBytes(file));
        } catch (JsonProcessingException e) {
            throw new FormatException(file.toString(), "is not JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static JsonNode array(Path file, JsonNode object, String name) {
        JsonNode array = object.path(name);
        if (!array.isArray()) {
            throw new FormatException(file.toString(), "has no array '" + name + "' where a SQuAD data set has one");
        }
        return array;
    }

    private static String text(Path file, JsonNode object, String name) {
        JsonNode text = object.path(name);
        if (!text.isTextual()) {
            throw new FormatException(file.toString(), "has no text '" + name + "' where a SQuAD data set has one");
        }
        return text.textValue();
    }
}
