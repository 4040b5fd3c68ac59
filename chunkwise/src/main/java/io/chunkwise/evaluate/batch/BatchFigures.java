package io.chunkwise.evaluate.batch;

import java.util.List;
import java.util.Objects;

/**
 * What prompts took together; those with an error took nothing.
 *
 * @param prompts        with and without an error
 * @param errors         prompts that have one
 * @param promptTokens   read
 * @param tokens         written
 * @param meanComponents active adapter components per site, mean over all tokens
 * @param kvBytes        of the prompt that took most at any time
 */
public record BatchFigures(int prompts, long errors, long promptTokens, long tokens, double meanComponents, long kvBytes, double millis) {

    public static BatchFigures of(List<BatchRow> rows) {
        List<BatchRow> texts = rows.stream().filter(row -> Objects.isNull(row.error())).toList();
        long read = texts.stream().mapToLong(BatchRow::promptTokens).sum();
        long written = texts.stream().mapToLong(BatchRow::tokens).sum();
        double components = texts.stream().mapToDouble(row -> (row.promptTokens() + row.tokens()) * row.meanComponents()).sum();
        return new BatchFigures(rows.size(), rows.size() - texts.size(), read, written,
                read + written == 0 ? 0 : components / (read + written),
                texts.stream().mapToLong(BatchRow::kvBytes).max().orElse(0), texts.stream().mapToDouble(BatchRow::millis).sum());
    }
}
