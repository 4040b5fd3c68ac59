package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** Writes to the pages of the KV cache, see {@link Page} for the layout of table and pools. */
public final class PageKernels {

    private PageKernels() {
    }

    /**
     * keys[slot, (p + r) mod 16, i] = key[r, i], values likewise, with p the position of row 0 and slot that of the page of p + r,
     * which is full, or halves likewise where it is of F16; probes[l, (p + r) mod 16, i] = query[r, i] for the last 16
     * rows. One thread per row and query element.
     *
     * @param control in  rows, position, layer, pages
     * @param table   in  [layers, pages]
     * @param query   in  [rowCapacity, queryDim]
     * @param key     in  [rowCapacity, kvDim]
     * @param value   in  [rowCapacity, kvDim]
     * @param keys    out [slots, TOKENS, kvDim]
     * @param values  out [slots, TOKENS, kvDim]
     * @param halves  out [slots, 2, TOKENS, kvDim]
     * @param probes  out [layers, PROBES, queryDim]
     * @param kvDim   at most {@code queryDim}
     */
    public static void appendToPages(IntArray control, IntArray table, FloatArray query, FloatArray key, FloatArray value,
            FloatArray keys, FloatArray values, ShortArray halves, FloatArray probes, int queryDim, int kvDim) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int count = rows * queryDim;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / queryDim;
            int i = index - row * queryDim;
            int position = control.get(Control.POSITION) + row;
            int page = position / Page.TOKENS;
            int token = position - page * Page.TOKENS;
            int entry = table.get(layer * control.get(Control.PAGES) + page);
            int floats = 1 - Page.isHalf(entry);
            int shorts = Page.isHalf(entry);
            if (i >= kvDim) {
                floats = 0;
                shorts = 0;
            }
            if (floats == 1) {
                int to = (Page.slot(entry) * Page.TOKENS + token) * kvDim + i;
                keys.set(to, key.get(row * kvDim + i));
                values.set(to, value.get(row * kvDim + i));
            }
            if (shorts == 1) {
                int to = (Page.slot(entry) * 2 * Page.TOKENS + token) * kvDim + i;
                halves.set(to, Halves.of(key.get(row * kvDim + i)));
                halves.set(to + Page.TOKENS * kvDim, Halves.of(value.get(row * kvDim + i)));
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
     * @param jobs    in  [CAPACITY, STRIDE]                  source (an entry), target, format
     * @param keys    in  [slots, TOKENS, kvHeads, headDim]
     * @param values  in  [slots, TOKENS, kvHeads, headDim]
     * @param halves  in  [slots, 2, TOKENS, kvHeads, headDim]
     * @param decode  in  [64]                                of F16
     * @param codes   out [slots of Q8, 2, TOKENS, kvHeads, headDim]
     * @param scales  out [slots of Q8, 2, TOKENS, kvHeads]
     */
    public static void quantizePagesQ8(IntArray control, IntArray jobs, FloatArray keys, FloatArray values, ShortArray halves,
            FloatArray decode, ByteArray codes, FloatArray scales, int kvHeads, int headDim) {
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
            int source = jobs.get(job * Jobs.STRIDE + Jobs.SOURCE);
            int from = (Page.place(source, isValue, perHalf) + head % perHalf) * headDim;
            int isHalf = Page.isHalf(source);
            int target = jobs.get(job * Jobs.STRIDE + Jobs.TARGET) * 2 * perHalf + head;
            float largest = 0f;
            for (int i = 0; i < elements; i++) {
                largest = TornadoMath.max(largest, TornadoMath.abs(element(keys, values, halves, decode, isValue, isHalf, from + i)));
            }
            float scale = largest / 127f;
            float inverse = QuantKernels.inverse(scale);
            for (int i = 0; i < elements; i++) {
                float x = element(keys, values, halves, decode, isValue, isHalf, from + i);
                codes.set(target * headDim + i, (byte) (int) QuantKernels.quantQ8(x, inverse));
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
    public static void quantizePagesQ4(IntArray control, IntArray jobs, FloatArray keys, FloatArray values, ShortArray halves,
            FloatArray decode, ByteArray codes, FloatArray scales, int kvHeads, int headDim) {
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
            int source = jobs.get(job * Jobs.STRIDE + Jobs.SOURCE);
            int from = (Page.place(source, isValue, perHalf) + head % perHalf) * headDim;
            int isHalf = Page.isHalf(source);
            int target = jobs.get(job * Jobs.STRIDE + Jobs.TARGET) * 2 * perHalf + head;
            float largest = 0f;
            for (int i = 0; i < elements; i++) {
                float x = element(keys, values, halves, decode, isValue, isHalf, from + i);
                if (TornadoMath.abs(x) > TornadoMath.abs(largest)) {
                    largest = x;
                }
            }
            float scale = largest / -8f;
            float inverse = QuantKernels.inverse(scale);
            for (int i = 0; i < elements / 2; i++) {
                int low = (int) QuantKernels.quantQ4(element(keys, values, halves, decode, isValue, isHalf, from + i), inverse) + 8;
                int high = (int) QuantKernels.quantQ4(element(keys, values, halves, decode, isValue, isHalf, from + half + i), inverse) + 8;
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
     * @param jobs    in     [CAPACITY, STRIDE]                  source (an entry)
     * @param angles  in     [positions, headDim / 2, 2]         cosine, sine
     * @param keys    in+out [slots, TOKENS, kvHeads, headDim]
     * @param halves  in+out [slots, 2, TOKENS, kvHeads, headDim]
     * @param decode  in     [64]                                of F16
     */
    public static void turnKeysBack(IntArray control, IntArray jobs, FloatArray angles, FloatArray keys, ShortArray halves,
            FloatArray decode, int kvHeads, int headDim, int pairStep, int pairGap) {
        int pairs = headDim / 2;
        int perPage = Page.TOKENS * kvHeads * pairs;
        int position = control.get(Control.SHIFT);
        int count = control.get(Control.JOBS) * perPage;
        for (@Parallel int index = 0; index < count; index++) {
            int job = index / perPage;
            int pair = index % pairs;
            int head = (index - job * perPage) / pairs;
            int source = jobs.get(job * Jobs.STRIDE + Jobs.SOURCE);
            int isHalf = Page.isHalf(source);
            int a = (Page.place(source, 0, Page.TOKENS * kvHeads) + head) * headDim + pair * pairStep;
            int b = a + pairGap;
            float first = element(keys, keys, halves, decode, 0, isHalf, a);
            float second = element(keys, keys, halves, decode, 0, isHalf, b);
            float cos = angles.get((position * pairs + pair) * 2);
            float sin = angles.get((position * pairs + pair) * 2 + 1);
            if (isHalf == 0) {
                keys.set(a, first * cos + second * sin);
                keys.set(b, second * cos - first * sin);
            }
            if (isHalf == 1) {
                halves.set(a, Halves.of(first * cos + second * sin));
                halves.set(b, Halves.of(second * cos - first * sin));
            }
        }
    }

    /** Of a full page, whose pool may be any of three. @param at see {@link Page#place} */
    static float element(FloatArray keys, FloatArray values, ShortArray halves, FloatArray decode, int isValue, int isHalf, int at) {
        int inFloats = at * (1 - isHalf); // within the pool, whichever it is
        int inShorts = at * isHalf;
        float element = keys.get(inFloats);
        if (isValue == 1) {
            element = values.get(inFloats);
        }
        if (isHalf == 1) {
            element = Halves.get(halves, decode, inShorts);
        }
        return element;
    }
}
