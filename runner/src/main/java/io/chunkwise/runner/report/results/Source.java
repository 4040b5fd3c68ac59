package io.chunkwise.runner.report.results;

import java.util.Map;
import java.util.Optional;

/**
 * Where a result comes from.
 *
 * @param name   of the file, without the folders above it unless several files have that name
 * @param kind   of result, as its file says
 * @param fields every single value of the file that is not of one row, token or chunk; values within objects
 *               as {@code budget.meanComponents}
 */
public record Source(String name, String kind, Map<String, String> fields) {

    /** The first of these that the file has; of what a merged evaluation was made of, too. */
    public Optional<String> value(String... names) {
        for (String field : names) {
            String value = fields.getOrDefault(field, fields.getOrDefault("configuration." + field, ""));
            if (!value.isEmpty()) {
                return Optional.of(value);
            }
        }
        return Optional.empty();
    }
}
