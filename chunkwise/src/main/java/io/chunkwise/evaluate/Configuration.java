package io.chunkwise.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Everything that a result goes by, as names and values: data, model, adapters, policies, executor, device, version. Two results belong to
 * the same figures if their configurations are equal.
 */
public final class Configuration {
    /** Names of what may differ from shard to shard: each has its own device, of the same executor. */
    private static final List<String> PLACE = List.of("device", "deviceName");

    private final ObjectNode values;

    private Configuration(ObjectNode values) {
        this.values = values;
    }

    /** Nothing yet. */
    public static Configuration empty() {
        return new Configuration(EvaluationJson.MAPPER.createObjectNode());
    }

    /**
     * One that was written before.
     *
     * @throws IllegalArgumentException if it is no object
     */
    public static Configuration of(JsonNode json) {
        if (!(json instanceof ObjectNode object)) {
            throw new IllegalArgumentException("a configuration is an object");
        }
        return new Configuration(object.deepCopy());
    }

    /**
     * This and one more, in this order.
     *
     * @param value a string, a number, a boolean, or a list of these
     */
    public Configuration with(String name, Object value) {
        ObjectNode more = values.deepCopy();
        more.set(name, EvaluationJson.tree(value));
        return new Configuration(more);
    }

    /** Without the device. */
    public Configuration withoutPlace() {
        ObjectNode fewer = values.deepCopy();
        return new Configuration(fewer.remove(PLACE));
    }

    /** A value as it is written; empty where there is none. */
    public Optional<String> value(String name) {
        return Optional.ofNullable(values.get(name)).map(value -> value.isValueNode() ? value.asText() : value.toString());
    }

    /** As JSON; a copy. */
    public ObjectNode json() {
        return values.deepCopy();
    }

    /** "policy 'uniform:4', not 'uniform:max'" of the first name that differs; empty where none does. */
    public Optional<String> differenceTo(Configuration expected) {
        TreeSet<String> names = new TreeSet<>();
        values.fieldNames().forEachRemaining(names::add);
        expected.values.fieldNames().forEachRemaining(names::add);
        return names.stream().filter(name -> !shown(name).equals(expected.shown(name))).findFirst()
                .map(name -> name + " " + shown(name) + ", not " + expected.shown(name));
    }

    private String shown(String name) {
        return value(name).map(value -> "'" + value + "'").orElse("unset");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Configuration that && values.equals(that.values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    @Override
    public String toString() {
        return values.toString();
    }
}
