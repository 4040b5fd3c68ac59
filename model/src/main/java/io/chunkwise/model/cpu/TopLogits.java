package io.chunkwise.model.cpu;

import io.chunkwise.model.forward.PassOutput;

/** The largest of the logits seen so far: descending, equal ones in ascending order of id. */
final class TopLogits {
    private final int[] ids;
    private final float[] logits;
    private int size;

    TopLogits(int count) {
        ids = new int[count];
        logits = new float[count];
    }

    /** Takes ids [from, to) into account; in ascending order over the calls. */
    void offer(float[] values, int from, int to) {
        for (int id = from; id < to; id++) {
            if (size < ids.length || values[id] > logits[size - 1]) {
                insert(id, values[id]);
            }
        }
    }

    /** Takes what another one has seen into account; ids in any order. */
    void merge(TopLogits other) {
        for (int i = 0; i < other.size; i++) {
            if (size < ids.length || comesBefore(other.ids[i], other.logits[i], size - 1)) {
                insert(other.ids[i], other.logits[i]);
            }
        }
    }

    PassOutput.Top result() {
        return new PassOutput.Top(ids, logits);
    }

    private boolean comesBefore(int id, float logit, int place) {
        return logit > logits[place] || logit == logits[place] && id < ids[place];
    }

    private void insert(int id, float logit) {
        int place = size < ids.length ? size++ : size - 1;
        while (place > 0 && comesBefore(id, logit, place - 1)) {
            ids[place] = ids[place - 1];
            logits[place] = logits[place - 1];
            place--;
        }
        ids[place] = id;
        logits[place] = logit;
    }
}
