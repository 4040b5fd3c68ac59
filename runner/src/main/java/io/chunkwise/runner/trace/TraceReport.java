package io.chunkwise.runner.trace;

import io.chunkwise.trace.SequenceTrace;
import io.chunkwise.trace.TokenTrace;
import java.util.List;

/**
 * A trace with everything that is said beside it.
 *
 * @param model         as people know it
 * @param adapters      names, in the order in which they are used
 * @param policy        of chunks and rungs
 * @param kvPolicy      of the KV cache
 * @param executor      name
 * @param device        as {@code --device} takes it, with its name
 * @param maxComponents most that a token can have active, mean over sites; 0 without adapter
 * @param texts         [tokens] what each token of the trace adds to the text
 */
public record TraceReport(String model, List<String> adapters, String policy, String kvPolicy, String executor, String device,
        double maxComponents, List<String> texts, SequenceTrace trace) {

    public TraceReport {
        adapters = List.copyOf(adapters);
        texts = List.copyOf(texts);
        if (texts.size() != trace.tokens().size()) {
            throw new IllegalArgumentException(texts.size() + " texts for " + trace.tokens().size() + " tokens");
        }
    }

    /** Tokens that were given, not written. */
    int promptTokens() {
        return (int) trace.tokens().stream().filter(token -> !token.generated()).count();
    }

    /** One line for people: model and adapters. */
    String title() {
        return adapters.isEmpty() ? model : model + " with " + String.join(", ", adapters);
    }

    /** [tokens] of one number of each. */
    float[] column(Column column) {
        float[] values = new float[trace.tokens().size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = column.of(trace.tokens().get(i));
        }
        return values;
    }

    /** One number of a token. */
    @FunctionalInterface
    interface Column {
        float of(TokenTrace token);
    }
}
