package io.chunkwise.tornado.kernels;

/**
 * The job list: what is to be done with which pages of the KV cache, {@link #STRIDE} ints per job. Each kernel reads the ints that
 * it needs.
 */
public final class Jobs {
    /** Jobs of one execution. */
    public static final int CAPACITY = 256;
    public static final int STRIDE = 4;
    /** Full page that is read or turned, as the page table has it. */
    public static final int SOURCE = 0;
    /** Page within its layer; or index into the page table. */
    public static final int PAGE = 1;
    /** Slot in the pool that is written to; or what goes into the page table. */
    public static final int TARGET = 2;
    /** Format that is written, see {@link Page}. */
    public static final int FORMAT = 3;

    private Jobs() {
    }
}
