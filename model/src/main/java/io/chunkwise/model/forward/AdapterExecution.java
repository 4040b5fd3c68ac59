package io.chunkwise.model.forward;

import io.chunkwise.model.format.TensorType;
import java.util.Optional;

/**
 * How low-rank updates are kept and run.
 *
 * @param type  number format that components are kept in; empty: one as exact as the base's, see {@link #typeFor}
 * @param fused whether an update is part of the work of its projection; else its down and its up product are ops of their own behind
 *              the projection, as libraries without fused kernels run it. The same sums, up to rounding.
 */
public record AdapterExecution(Optional<TensorType> type, boolean fused) {
    public static final AdapterExecution DEFAULT = new AdapterExecution(Optional.empty(), true);
    /** Components as exact as they come. */
    public static final AdapterExecution EXACT = new AdapterExecution(Optional.of(TensorType.F32), true);

    /**
     * The number format of components beside a base projection: as exact as the base, because an update is small beside what it is
     * added to, and so is its rounding beside the base's own. F16 beside 16-bit formats, else the base's.
     *
     * @param base number format of the base projection
     */
    public TensorType typeFor(TensorType base) {
        return type.orElse(switch (base) {
            case F16, BF16 -> TensorType.F16;
            case F32, Q8_0, Q4_0 -> base;
        });
    }
}
