package io.chunkwise.model.llama;

/**
 * Cosines and sines of the rotary embedding, for positions {@code [0, positions)}.
 *
 * <p>Frequencies and angles are rounded to float at the same places as in the reference implementation (transformers),
 * because at long contexts the rounding of the angle is larger than our tolerance.
 */
public final class RotaryTable {
    private final int positions;
    private final int halfDim;
    private final float[] cosine; // [positions, headDim / 2]
    private final float[] sine; // [positions, headDim / 2]

    public RotaryTable(LlamaConfig config, int positions) {
        this.positions = positions;
        halfDim = config.headDim() / 2;
        float[] frequency = frequencies(config);
        cosine = new float[Math.multiplyExact(positions, halfDim)];
        sine = new float[cosine.length];
        for (int position = 0; position < positions; position++) {
            for (int i = 0; i < halfDim; i++) {
                float angle = position * frequency[i];
                cosine[position * halfDim + i] = (float) Math.cos(angle);
                sine[position * halfDim + i] = (float) Math.sin(angle);
            }
        }
    }

    public int positions() {
        return positions;
    }

    /** [positions, headDim / 2], row-major; viewed, do not change. */
    public float[] cosine() {
        return cosine;
    }

    /** [positions, headDim / 2], row-major; viewed, do not change. */
    public float[] sine() {
        return sine;
    }

    private static float[] frequencies(LlamaConfig config) {
        float[] frequency = new float[config.headDim() / 2];
        for (int i = 0; i < frequency.length; i++) {
            float exponent = 2f * i / config.headDim();
            frequency[i] = 1f / (float) Math.pow(config.ropeBase(), exponent);
            frequency[i] = switch (config.ropeScaling()) {
                case RopeScaling.None() -> frequency[i];
                case RopeScaling.Linear(float factor) -> frequency[i] / factor;
                case RopeScaling.Llama3 scaling -> llama3(frequency[i], scaling);
                case RopeScaling.Divisors(var divisors) -> frequency[i] / divisors.get(i);
            };
        }
        return frequency;
    }

    // Llama 3.1's published rule: by wavelength against the original context.
    private static float llama3(float frequency, RopeScaling.Llama3 scaling) {
        float wavelength = (float) (2 * Math.PI / frequency);
        float lowWavelength = scaling.originalContextLength() / scaling.lowFrequencyFactor();
        float highWavelength = scaling.originalContextLength() / scaling.highFrequencyFactor();
        if (wavelength > lowWavelength) {
            return frequency / scaling.factor();
        }
        if (wavelength < highWavelength) {
            return frequency;
        }
        float smooth = (scaling.originalContextLength() / wavelength - scaling.lowFrequencyFactor())
                / (scaling.highFrequencyFactor() - scaling.lowFrequencyFactor());
        return (1 - smooth) * frequency / scaling.factor() + smooth * frequency;
    }
}
