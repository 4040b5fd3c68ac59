package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.ExecutorCounters;
import java.util.List;

/**
 * The steps of a pass, and of what is done to pages of the KV cache, over one {@link DeviceState}. The caller describes each step in
 * the control block first. One implementation executes task graphs, the other calls the kernels as plain Java.
 */
public interface Passes extends AutoCloseable {

    /** Brings the adapter's arrays onto the device. */
    void uploadAdapter();

    /** Changes the page table as the job list says. */
    void updateTable();

    void embed(int rows);

    /**
     * The layer that the control block names.
     *
     * @param activeRank components that any row uses at any site
     */
    void layer(int rows, int activeRank);

    /** Logits of up to {@code LOGIT_ROWS} rows into {@code rowLogits}. */
    void head(int rows);

    /** Statistics of the rows that the head ran for into {@code statistics}, on the host afterwards. */
    void statistics(int rows);

    /** The largest of the first row of {@code rowLogits} into {@code topLogits} and {@code topIds}, on the host afterwards. */
    void top();

    /** The first row of {@code rowLogits} into {@code lastLogits}, on the host afterwards. */
    void lastLogits();

    /** Brings {@code rowLogits} to the host; right after {@link #head} or {@link #statistics}. */
    void fetchRowLogits();

    /** Measures the pages of the job list with the probes that the control block names; the result is on the host afterwards. */
    void measure();

    /** Quantizes the pages of the job list. The cache is quantizable. */
    void quantize();

    /** Turns back the keys of the job list's pages. The cache is not quantizable. */
    void turnKeysBack();

    /** Brings pools and probes of the KV cache to the host. */
    void fetchCache();

    /** Tasks executed so far on the device; 0 where there are no kernels. */
    long launches();

    /** Nanoseconds on the clock spent compiling, which includes the first launch of everything. */
    long compileNanos();

    /** Nanoseconds on the clock spent uploading weights and adapters. */
    long uploadNanos();

    /** Bytes of all arrays on the device, those included that single task graphs have for themselves. */
    long deviceBytes();

    /** Time of each task, the longest first; empty unless it was taken. Reads all that was taken so far: not for every pass. */
    List<ExecutorCounters.KernelTime> kernels();

    @Override
    void close();
}
