package io.chunkwise.model.format;

/**
 * A number format of stored weights, as a layout of fixed-size blocks.
 *
 * <p>F32, F16 and BF16 have one element per block. Q8_0 and Q4_0 are those of the GGUF specification: blocks of 32
 * consecutive elements of one row, an F16 scale d first, then the quants (all little-endian).
 * <ul>
 * <li>Q8_0: {@code d, int8 q[32]}; element i is {@code d * q[i]}.
 * <li>Q4_0: {@code d, uint8 q[16]}; element i &lt; 16 is {@code d * ((q[i] & 15) - 8)}, element i + 16 is
 *     {@code d * ((q[i] >> 4) - 8)}.
 * </ul>
 */
public enum TensorType {
    F32(1, 4),
    F16(1, 2),
    BF16(1, 2),
    Q8_0(32, 34),
    Q4_0(32, 18);

    private final int blockElements;
    private final int blockBytes;

    TensorType(int blockElements, int blockBytes) {
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /** Elements per block; rows of a tensor are whole numbers of blocks. */
    public int blockElements() {
        return blockElements;
    }

    public int blockBytes() {
        return blockBytes;
    }

    public boolean isQuantized() {
        return blockElements > 1;
    }

    /**
     * Bytes that {@code elements} elements take.
     *
     * @throws IllegalArgumentException if they are not a whole number of blocks
     * @throws ArithmeticException      if the byte count does not fit a long
     */
    public long bytesFor(long elements) {
        if (elements < 0 || elements % blockElements != 0) {
            throw new IllegalArgumentException(
                    elements + " elements are not a whole number of " + this + " blocks of " + blockElements);
        }
        return Math.multiplyExact(elements / blockElements, (long) blockBytes);
    }
}
