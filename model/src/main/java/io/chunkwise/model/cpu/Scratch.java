package io.chunkwise.model.cpu;

/** Scratch memory of each worker, grown to what the largest job needed. */
final class Scratch {
    private final float[][] perWorker;

    Scratch(int workers) {
        perWorker = new float[workers][0];
    }

    /** Makes every worker's memory at least {@code size} floats. Contents are lost. */
    void reserve(int size) {
        for (int worker = 0; worker < perWorker.length; worker++) {
            perWorker[worker] = atLeast(perWorker[worker], size);
        }
    }

    float[] of(int worker) {
        return perWorker[worker];
    }

    /** The same array if it is long enough, else a new one of the size. */
    static float[] atLeast(float[] array, int size) {
        return array.length >= size ? array : new float[size];
    }
}
