package io.chunkwise.model.forward;

/** What a pass shall return; the less, the less work and the fewer bytes off the device. */
public sealed interface OutputRequest {

    /** Only the KV cache matters (all but the last pass of a prefill). The head does not run. */
    record Nothing() implements OutputRequest {
    }

    /** Logits of the last row. */
    record LastLogits() implements OutputRequest {
    }

    /** Logits of every row. */
    record AllLogits() implements OutputRequest {
    }

    /**
     * The {@code count} largest logits of the last row, reduced where they were computed.
     *
     * @param count 1 is arg-max
     */
    record LastTop(int count) implements OutputRequest {
        public LastTop {
            if (count < 1) {
                throw new IllegalArgumentException("top " + count + " asks for nothing; expected 1 or more");
            }
        }
    }
}
