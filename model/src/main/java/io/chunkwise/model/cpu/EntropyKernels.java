package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** How certain a distribution is. */
final class EntropyKernels {
    private static final int BLOCK = 1024; // vocabularies are too long to be summed up in floats
    private static final float LOWEST_EXPONENT = -87; // smaller ones weigh nothing

    private EntropyKernels() {
    }

    /**
     * Entropy of softmax(logits) over ln(count), in [0, 1]: ln Σ e^x − Σ x e^x / Σ e^x, with x = logit − largest logit.
     *
     * @param logits [count] from {@code at}
     */
    static float ofLogits(float[] logits, int at, int count) {
        int whole = Lanes.roundDown(count);
        FloatVector most = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < whole; i += COUNT) {
            most = most.max(FloatVector.fromArray(FLOATS, logits, at + i));
        }
        float largest = most.reduceLanes(VectorOperators.MAX);
        for (int i = whole; i < count; i++) {
            largest = Math.max(largest, logits[at + i]);
        }
        double total = 0;
        double weighted = 0;
        for (int from = 0; from < whole; from += BLOCK) {
            FloatVector blockTotal = FloatVector.zero(FLOATS);
            FloatVector blockWeighted = FloatVector.zero(FLOATS);
            for (int i = from; i < Math.min(whole, from + BLOCK); i += COUNT) {
                FloatVector exponent = FloatVector.fromArray(FLOATS, logits, at + i).sub(largest).max(LOWEST_EXPONENT);
                FloatVector weight = VectorMath.exp(exponent);
                blockTotal = blockTotal.add(weight);
                blockWeighted = weight.fma(exponent, blockWeighted);
            }
            total += Lanes.sum(blockTotal);
            weighted += Lanes.sum(blockWeighted);
        }
        for (int i = whole; i < count; i++) {
            float exponent = Math.max(LOWEST_EXPONENT, logits[at + i] - largest);
            double weight = Math.exp(exponent);
            total += weight;
            weighted += weight * exponent;
        }
        return count == 1 ? 0 : (float) Math.clamp((Math.log(total) - weighted / total) / Math.log(count), 0, 1);
    }
}
