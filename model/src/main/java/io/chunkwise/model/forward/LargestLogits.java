package io.chunkwise.model.forward;

import java.util.Arrays;

/**
 * The largest of many logits, in descending order; equal ones in ascending order of id. The order of
 * {@link PassOutput.Top}, for logits that came back in full.
 */
public final class LargestLogits {
    private LargestLogits() {
    }

    /**
     * Ids of the {@code count} largest values of {@code logits[offset, offset + vocab)}.
     *
     * @return [min(count, vocab)] ids from 0
     */
    public static int[] ids(float[] logits, int offset, int vocab, int count) {
        int kept = Math.min(count, vocab);
        if (kept == 0) {
            return new int[0];
        }
        // A min-heap of the best so far: its root is the one to beat.
        long[] heap = new long[kept];
        for (int id = 0; id < kept; id++) {
            heap[id] = key(logits[offset + id], id);
        }
        for (int node = kept / 2 - 1; node >= 0; node--) {
            sink(heap, node);
        }
        for (int id = kept; id < vocab; id++) {
            long key = key(logits[offset + id], id);
            if (key > heap[0]) {
                heap[0] = key;
                sink(heap, 0);
            }
        }
        Arrays.sort(heap);
        int[] ids = new int[kept];
        for (int i = 0; i < kept; i++) {
            ids[i] = id(heap[kept - 1 - i]);
        }
        return ids;
    }

    /** The {@code count} largest logits of one row, or all of them if there are fewer. */
    public static PassOutput.Top top(float[] logits, int count) {
        int[] ids = ids(logits, 0, logits.length, count);
        float[] largest = new float[ids.length];
        for (int i = 0; i < ids.length; i++) {
            largest[i] = logits[ids[i]];
        }
        return new PassOutput.Top(ids, largest);
    }

    /** Keys compare as (logit ascending, id descending). */
    private static long key(float logit, int id) {
        // + 0f makes -0 equal to 0; flipping the lower bits of negative floats makes their bits ascend.
        int bits = Float.floatToIntBits(logit + 0f);
        return (long) (bits ^ bits >> 31 & Integer.MAX_VALUE) << 32 | ~id & 0xffff_ffffL;
    }

    private static int id(long key) {
        return ~(int) key;
    }

    private static void sink(long[] heap, int from) {
        int node = from;
        long key = heap[node];
        while (2 * node + 1 < heap.length) {
            int child = 2 * node + 1;
            if (child + 1 < heap.length && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= key) {
                break;
            }
            heap[node] = heap[child];
            node = child;
        }
        heap[node] = key;
    }
}
