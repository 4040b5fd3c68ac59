package io.chunkwise.model.llama;

import java.util.List;

/** How rotary frequencies are changed for contexts longer than the pre-training one. */
public sealed interface RopeScaling {

    record None() implements RopeScaling {
    }

    /** All frequencies divided by {@code factor}. */
    record Linear(float factor) implements RopeScaling {
    }

    /** Llama 3.1's: low frequencies divided by {@code factor}, high ones kept, a linear ramp between. */
    record Llama3(float factor, float lowFrequencyFactor, float highFrequencyFactor, int originalContextLength)
            implements RopeScaling {
    }

    /** GGUF's {@code rope_freqs.weight}: frequency i is divided by {@code divisors[i]}, [headDim / 2]. */
    record Divisors(List<Float> divisors) implements RopeScaling {
        public Divisors {
            divisors = List.copyOf(divisors);
        }
    }
}
