package io.chunkwise.policy;

import io.chunkwise.model.format.FormatException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** A YAML mapping with a fixed set of keys, each value of which is read as what it has to be, or refused with its line. */
final class YamlMapping {
    private final String file;
    private final String what;
    private final Node node;
    private final Map<String, Node> values = new LinkedHashMap<>();

    /**
     * @param what  how messages call it: "the policy", "a band"
     * @param known keys that it may have
     */
    YamlMapping(String file, String what, Node node, Set<String> known) {
        this.file = file;
        this.what = what;
        this.node = node;
        if (!(node instanceof MappingNode mapping) || !Tag.MAP.equals(node.getTag()) || node.getAnchor() != null) {
            throw problem(node, "expected " + what + " as keys with values (" + String.join(", ", known) + ")");
        }
        for (NodeTuple entry : mapping.getValue()) {
            String key = entry.getKeyNode() instanceof ScalarNode scalar ? scalar.getValue() : "";
            if (!known.contains(key)) {
                throw problem(entry.getKeyNode(), "'" + key + "' is no key of " + what + ", expected one of " + String.join(", ", known));
            }
            if (values.put(key, entry.getValueNode()) != null) {
                throw problem(entry.getKeyNode(), "'" + key + "' is given twice");
            }
        }
    }

    boolean has(String key) {
        return values.containsKey(key);
    }

    /** @throws FormatException if the key is missing */
    Node require(String key) {
        Node value = values.get(key);
        if (value == null) {
            throw problem(node, what + " lacks the key '" + key + "'");
        }
        return value;
    }

    Optional<YamlMapping> mapping(String key, String called, Set<String> known) {
        return has(key) ? Optional.of(new YamlMapping(file, called, values.get(key), known)) : Optional.empty();
    }

    /** A mapping that is an element of a list here. */
    YamlMapping of(String called, Node element, Set<String> known) {
        return new YamlMapping(file, called, element, known);
    }

    String text(String key) {
        String expected = "text; in quotes, if it looks like something else";
        String text = scalar(key, Set.of(Tag.STR), expected);
        if (text.isBlank()) {
            throw wrong(key, expected);
        }
        return text;
    }

    double number(String key, double fallback, double least, double most) {
        return has(key) ? number(key, least, most) : fallback;
    }

    double number(String key, double least, double most) {
        return number(key, least, most, "");
    }

    /** A number, or a word that means one. */
    double numberOr(String word, double meant, String key, double least, double most) {
        boolean isWord = values.get(key) instanceof ScalarNode scalar && scalar.getValue().equals(word);
        return isWord ? meant : number(key, least, most, ", or " + word);
    }

    private double number(String key, double least, double most, String alternative) {
        String expected = "a number " + (least > 0 && least < 1e-9 ? "above 0, up to " : "from " + shown(least) + " to ")
                + (most == Math.nextDown(1.0) ? "just below 1" : shown(most)) + alternative;
        double number = parsed(scalar(key, Set.of(Tag.INT, Tag.FLOAT), expected));
        if (!(number >= least && number <= most)) {
            throw wrong(key, expected);
        }
        return number;
    }

    int whole(String key, int fallback, int least, int most) {
        return has(key) ? whole(key, least, most) : fallback;
    }

    int whole(String key, int least, int most) {
        String expected = "a whole number from " + least + " to " + most;
        String text = scalar(key, Set.of(Tag.INT), expected);
        if (!text.matches("[+-]?[0-9]{1,10}") || Long.parseLong(text) < least || Long.parseLong(text) > most) {
            throw wrong(key, expected);
        }
        return Integer.parseInt(text);
    }

    /** A list of numbers. */
    List<Double> numbers(String key, double least, double most) {
        String expected = "a list of numbers from " + shown(least) + " to " + shown(most);
        List<Double> found = new ArrayList<>();
        for (Node element : elements(key, expected)) {
            double number = element instanceof ScalarNode scalar && element.getAnchor() == null ? parsed(scalar.getValue()) : Double.NaN;
            if (!(number >= least && number <= most)) {
                throw wrong(key, expected);
            }
            found.add(number);
        }
        return found;
    }

    /** One of some words. */
    String word(String key, List<String> words) {
        String text = scalar(key, Set.of(Tag.STR), "one of " + String.join(", ", words));
        if (!words.contains(text)) {
            throw wrong(key, "one of " + String.join(", ", words));
        }
        return text;
    }

    /** A list of words. */
    List<String> words(String key, List<String> words) {
        String expected = "a list of " + String.join(", ", words);
        List<String> found = new ArrayList<>();
        for (Node element : elements(key, expected)) {
            if (!(element instanceof ScalarNode scalar) || !words.contains(scalar.getValue())) {
                throw wrong(key, expected);
            }
            found.add(scalar.getValue());
        }
        return found;
    }

    /** The elements of a list. */
    List<Node> elements(String key, String expected) {
        if (!(require(key) instanceof SequenceNode sequence) || !Tag.SEQ.equals(sequence.getTag()) || sequence.getAnchor() != null) {
            throw wrong(key, expected);
        }
        return sequence.getValue();
    }

    FormatException wrong(String key, String expected) {
        Node value = require(key);
        String shown = value instanceof ScalarNode scalar ? "'" + scalar.getValue() + "'" : value instanceof SequenceNode ? "a list"
                : "a mapping";
        return problem(value, "'" + key + "' is " + shown + ", expected " + expected);
    }

    FormatException problem(Node at, String problem) {
        return new FormatException(file, "line " + (at.getStartMark().getLine() + 1) + ": " + problem);
    }

    private String scalar(String key, Set<Tag> tags, String expected) {
        if (!(require(key) instanceof ScalarNode scalar) || !tags.contains(scalar.getTag()) || scalar.getAnchor() != null) {
            throw wrong(key, expected);
        }
        return scalar.getValue();
    }

    private static double parsed(String text) {
        return text.matches("[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?") ? Double.parseDouble(text) : Double.NaN;
    }

    private static String shown(double number) {
        return number == Math.rint(number) && Math.abs(number) < 1e9 ? Long.toString((long) number) : Double.toString(number);
    }
}
