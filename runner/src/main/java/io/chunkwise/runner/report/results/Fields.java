package io.chunkwise.runner.report.results;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.format.FormatException;
import java.util.ArrayList;
import java.util.List;

/**
 * An object of a result file, with getters that say which file and where it has something else than expected.
 *
 * @param file  as the person at the terminal gave it
 * @param where "" for the whole, else such as {@code rows[3].}
 */
record Fields(String file, String where, JsonNode json) {

    /** @throws FormatException if it is missing or no text */
    String text(String name) {
        JsonNode value = json.path(name);
        if (!value.isTextual()) {
            throw problem(name, value, "text");
        }
        return value.textValue();
    }

    /** Text; "" where it is null or missing. */
    String textOrNone(String name) {
        return absent(name) ? "" : text(name);
    }

    /** @throws FormatException if it is missing or no finite number */
    double number(String name) {
        JsonNode value = json.path(name);
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw problem(name, value, "a number");
        }
        return value.doubleValue();
    }

    /** A number; NaN where it is null or missing. */
    double numberOrUnknown(String name) {
        return absent(name) ? Double.NaN : number(name);
    }

    /** @throws FormatException if it is missing or no whole number of 0 or more that a long holds */
    long count(String name) {
        JsonNode value = json.path(name);
        if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
            throw problem(name, value, "a whole number of 0 or more");
        }
        return value.longValue();
    }

    /** A whole number of 0 or more; -1 where it is null or missing. */
    long countOrUnknown(String name) {
        return absent(name) ? -1 : count(name);
    }

    /** @throws FormatException if it is missing or neither true nor false */
    boolean flag(String name) {
        JsonNode value = json.path(name);
        if (!value.isBoolean()) {
            throw problem(name, value, "true or false");
        }
        return value.booleanValue();
    }

    /** @throws FormatException if it is missing or no object */
    Fields object(String name) {
        JsonNode value = json.path(name);
        if (!value.isObject()) {
            throw problem(name, value, "an object");
        }
        return new Fields(file, where + name + '.', value);
    }

    /** @throws FormatException if it is missing or no list of objects */
    List<Fields> list(String name) {
        JsonNode value = json.path(name);
        if (!value.isArray()) {
            throw problem(name, value, "a list");
        }
        List<Fields> items = new ArrayList<>();
        for (int i = 0; i < value.size(); i++) {
            String item = name + '[' + i + ']';
            if (!value.get(i).isObject()) {
                throw problem(item, value.get(i), "an object");
            }
            items.add(new Fields(file, where + item + '.', value.get(i)));
        }
        return items;
    }

    private boolean absent(String name) {
        return json.path(name).isMissingNode() || json.path(name).isNull();
    }

    private FormatException problem(String name, JsonNode value, String expected) {
        String found = value.isMissingNode() ? "is missing" : value.isContainerNode() ? "is something else" : "is " + value;
        return new FormatException(file, "'" + where + name + "' " + found + ", expected " + expected
                + "; is this file as the command printed it with --json?");
    }
}
