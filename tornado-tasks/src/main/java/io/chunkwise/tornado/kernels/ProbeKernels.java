package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Sums over large arrays, as fast as a device reads: nothing but reading takes time in them. */
public final class ProbeKernels {

    private ProbeKernels() {
    }

    /**
     * sums[part] = the sum over the part's words, once per round: total = 3 · total + Σ words[i]. One thread per part, neighbouring
     * words one after the other: CPU devices.
     *
     * @param words in  [parts · partWords]
     * @param sums  out [parts]
     */
    public static void sumParts(IntArray words, IntArray sums, int partWords, int rounds) {
        int parts = sums.getSize();
        for (@Parallel int part = 0; part < parts; part++) {
            int from = part * partWords;
            int total = 0;
            for (int round = 0; round < rounds; round++) {
                int sum = 0;
                for (int i = 0; i < partWords; i++) {
                    sum += words.get(from + i);
                }
                total = total * 3 + sum;
            }
            sums.set(part, total);
        }
    }

    /**
     * As {@link #sumParts}, but word i belongs to thread i modulo {@code threads}: neighbouring threads read neighbouring words, four
     * loads of a thread at a time. GPUs.
     *
     * @param words in  a multiple of 4 · threads
     * @param sums  out [threads]
     */
    public static void sumStrided(KernelContext context, IntArray words, IntArray sums, int threads, int count, int rounds) {
        int thread = context.globalIdx;
        int total = 0;
        for (int round = 0; round < rounds; round++) {
            int first = 0;
            int second = 0;
            int third = 0;
            int fourth = 0;
            for (int i = thread; i < count; i += 4 * threads) {
                first += words.get(i);
                second += words.get(i + threads);
                third += words.get(i + 2 * threads);
                fourth += words.get(i + 3 * threads);
            }
            total = total * 3 + first + second + third + fourth;
        }
        sums.set(thread, total);
    }
}
