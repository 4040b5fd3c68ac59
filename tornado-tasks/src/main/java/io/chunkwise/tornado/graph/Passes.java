package io.chunkwise.tornado.graph;

/**
 * The steps of a pass over one {@link DeviceState}. The caller describes each step in the control block first. One
 * implementation executes task graphs, the other calls the kernels as plain Java.
 */
public interface Passes extends AutoCloseable {

    /** Brings the adapter's arrays onto the device. */
    void uploadAdapter();

    void embed(int rows);

    /** The layer that the control block names. */
    void layer(int rows);

    /** Logits of one row into {@code lastLogits}. */
    void lastHead();

    /** Logits of up to {@code LOGIT_ROWS} rows into {@code rowLogits}. */
    void rowHead(int rows);

    /** The largest of {@code lastLogits} into {@code topLogits} and {@code topIds}, on the host afterwards. */
    void top();

    /** Brings {@code lastLogits} to the host; right after {@link #lastHead()}. */
    void fetchLastLogits();

    /** Brings {@code rowLogits} to the host; right after {@link #rowHead}. */
    void fetchRowLogits();

    /** Brings the key/value cache to the host. */
    void fetchCache();

    @Override
    void close();
}
