package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Writes to the pages of the KV cache, see {@link Page} for the layout of table and pools. */
public final class PageKernels {

    private PageKernels() {
    }

    /**
     * keys[slot, (p + r) mod 16, i] = key[r, i], values likewise, with p the position of row 0 and slot that of the page of p + r,
     * which is full; probes[l, (p + r) mod 16, i] = query[r, i] for the last 16 rows. One thread per row and query element.
     *
     * @param control in  rows, position, layer, pages
     * @param table   in  [layers, pages]
     * @param query   in  [rowCapacity, queryDim]
     * @param key     in  [rowCapacity, kvDim]
     * @param value   in  [rowCapacity, kvDim]
     * @param keys    out [slots, TOKENS, kvDim]
     * @param values  out [slots, TOKENS, kvDim]
     * @param probes  out [layers, PROBES, queryDim]
     * @param kvDim   at most {@code queryDim}
     */
    public static void appendToPages(IntArray control, IntArray table, FloatArray query, FloatArray key, FloatArray value,
            FloatArray keys, FloatArray values, FloatArray probes, int queryDim, int kvDim) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int count = rows * queryDim;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / queryDim;
            int i = index - row * queryDim;
            int position = control.get(Control.POSITION) + row;
            int page = position / Page.TOKENS;
            int token = position - page * Page.TOKENS;
            int slot = Page.slot(table.get(layer * control.get(Control.PAGES) + page));
            if (i < kvDim) {
                int to = (slot * Page.TOKENS + token) * kvDim + i;
                keys.set(to, key.get(row * kvDim + i));
                values.set(to, value.get(row * kvDim + i));
            }
            if (row >= rows - Page.PROBES) {
                probes.set((layer * Page.PROBES + position % Page.PROBES) * queryDim + i, query.get(index));
            }
        }
    }

    /**
     * table[page of job] = target of job; one thread per job.
     *
     * @param control in     jobs
     * @param jobs    in     [CAPACITY, STRIDE]
     * @param table   in+out [layers, pages]
     * @param stride  ints per job
     */
    public static void updateTable(IntArray control, IntArray jobs, IntArray table, int stride) {
        int count = control.get(Control.JOBS);
        for (@Parallel int job = 0; job < count; job++) {
            table.set(jobs.get(job * stride + Jobs.PAGE), jobs.get(job * stride + Jobs.TARGET));
        }
    }

    /**
     * Quantizes full pages to Q8 where a job says so, with codes and scales of {@code KvFormat.Q8}; one thread per job, keys or
     * values, position and head.
     *
     * @param control in  jobs
     * @param jobs    in  [CAPACITY, STRIDE]                  source, target, format
     * @param keys    in  [slots, TOKENS, kvHeads, headDim]
     * @param values  in  [slots, TOKENS, kvHeads, headDim]
     * @param codes   out [slots of Q8, 2, TOKENS, kvHeads, headDim]
     * @param scales  out [slots of Q8, 2, TOKENS, kvHeads]
     */
    public static void quantizePagesQ8(IntArray control, IntArray jobs, FloatArray keys, FloatArray values, ByteArray codes,
            FloatArray scales, int kvHeads, int headDim) {
        int perHalf = Page.TOKENS * kvHeads;
        int count = control.get(Control.JOBS) * 2 * perHalf;
        for (@Parallel int index = 0; index < count; index++) {
            int job = index / (2 * perHalf);
            int head = index - job * 2 * perHalf;
            int isValue = head / perHalf;
            int elements = 0;
            if (jobs.get(job * Jobs.STRIDE + Jobs.FORMAT) == Page.Q8) {
                elements = headDim;
            }
            int from = (jobs.get(job * Jobs.STRIDE + Jobs.SOURCE) * perHalf + head % perHalf) * headDim;
            int target = jobs.get(job * Jobs.STRIDE + Jobs.TARGET) * 2 * perHalf + head;
            float largest = 0f;
            for (int i = 0; i < elements; i++) {
                largest = TornadoMath.max(largest, TornadoMath.abs(element(keys, values, isValue, from + i)));
            }
            float scale = largest / 127f;
            float inverse = QuantKernels.inverse(scale);
            for (int i = 0; i < elements; i++) {
                codes.set(target * headDim + i, (byte) (int) QuantKernels.quantQ8(element(keys, values, isValue, from + i), inverse));
            }
            if (elements > 0) {
                scales.set(target, scale);
            }
        }
    }

    /**
     * As {@link #quantizePagesQ8}, to Q4.
     *
     * @param codes  out [slots of Q4, 2, TOKENS, kvHeads, headDim / 2]
     * @param scales out [slots of Q4, 2, TOKENS, kvHeads]
     */
    public static void quantizePagesQ4(IntArray control, IntArray jobs, FloatArray keys, FloatArray values, ByteArray codes,
            FloatArray scales, int kvHeads, int headDim) {
        int perHalf = Page.TOKENS * kvHeads;
        int half = headDim / 2;
        int count = control.get(Control.JOBS) * 2 * perHalf;
        for (@Parallel int index = 0; index < count; index++) {
            int job = index / (2 * perHalf);
            int head = index - job * 2 * perHalf;
            int isValue = head / perHalf;
            int elements = 0;
            if (jobs.get(job * Jobs.STRIDE + Jobs.FORMAT) == Page.Q4) {
                elements = headDim;
            }
            int from = (jobs.get(job * Jobs.STRIDE + Jobs.SOURCE) * perHalf + head % perHalf) * headDim;
            int target = jobs.get(job * Jobs.STRIDE + Jobs.TARGET) * 2 * perHalf + head;
            float largest = 0f;
            for (int i = 0; i < elements; i++) {
                float x = element(keys, values, isValue, from + i);
                if (TornadoMath.abs(x) > TornadoMath.abs(largest)) {
                    largest = x;
                }
            }
            float scale = largest / -8f;
            float inverse = QuantKernels.inverse(scale);
            for (int i = 0; i < elements / 2; i++) {
                int low = (int) QuantKernels.quantQ4(element(keys, values, isValue, from + i), inverse) + 8;
                int high = (int) QuantKernels.quantQ4(element(keys, values, isValue, from + half + i), inverse) + 8;
                codes.set(target * half + i, (byte) (low + high * 16));
            }
            if (elements > 0) {
                scales.set(target, scale);
            }
        }
    }

    /**
     * Turns the keys of full pages back by the angles of position {@code SHIFT}, as if their positions were lower by so many; one
     * thread per job, token, head and pair. Pairs as in {@link RotaryKernels#rotateHeads}.
     *
     * @param control in     jobs, shift
     * @param jobs    in     [CAPACITY, STRIDE]                  source
     * @param cosine  in     [positions, headDim / 2]
     * @param sine    in     [positions, headDim / 2]
     * @param keys    in+out [slots, TOKENS, kvHeads, headDim]
     */
    public static void turnKeysBack(IntArray control, IntArray jobs, FloatArray cosine, FloatArray sine, FloatArray keys, int kvHeads,
            int headDim, int pairStep, int pairGap) {
        int pairs = headDim / 2;
        int perPage = Page.TOKENS * kvHeads * pairs;
        int angles = control.get(Control.SHIFT) * pairs;
        int count = control.get(Control.JOBS) * perPage;
        for (@Parallel int index = 0; index < count; index++) {
            int job = index / perPage;
            int pair = index % pairs;
            int head = (index - job * perPage) / pairs;
            int a = (jobs.get(job * Jobs.STRIDE + Jobs.SOURCE) * Page.TOKENS * kvHeads + head) * headDim + pair * pairStep;
            int b = a + pairGap;
            float first = keys.get(a);
            float second = keys.get(b);
            float cos = cosine.get(angles + pair);
            float sin = sine.get(angles + pair);
            keys.set(a, first * cos + second * sin);
            keys.set(b, second * cos - first * sin);
        }
    }

    private static float element(FloatArray keys, FloatArray values, int isValue, int at) {
        float element = keys.get(at);
        if (isValue == 1) {
            element = values.get(at);
        }
        return element;
    }
}
