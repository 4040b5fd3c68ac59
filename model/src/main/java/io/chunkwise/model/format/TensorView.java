package io.chunkwise.model.format;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One tensor of a model or adapter file: name, number format, shape and its bytes, viewed in place (never copied).
 *
 * @param name    as the file spells it
 * @param type    number format of {@code data}
 * @param shape   row-major, slowest dimension first: a projection is {@code [outputs, inputs]}, a norm {@code [width]}.
 *                (GGUF stores dimensions fastest first; its reader reverses them.)
 * @param content exactly {@code type.bytesFor(elements())} bytes
 */
public record TensorView(String name, TensorType type, List<Long> shape, TensorContent content) {

    public TensorView {
        shape = List.copyOf(shape);
        if (content.bytes() != type.bytesFor(elements(shape))) {
            throw new IllegalArgumentException("'" + name + "' " + shape + " of " + type + " takes " + type.bytesFor(elements(shape))
                    + " bytes, not " + content.bytes());
        }
    }

    /** @param data little-endian bytes, viewed */
    public TensorView(String name, TensorType type, List<Long> shape, MemorySegment data) {
        this(name, type, shape, new TensorContent.Stored(data));
    }

    /** Little-endian bytes; read-only when mapped. Those of a random tensor are made by the first call. */
    public MemorySegment data() {
        return content.data();
    }

    /** Bytes of {@link #data}, which are not made for that. */
    public long bytes() {
        return content.bytes();
    }

    public long elements() {
        return elements(shape);
    }

    /** Length of the slowest dimension. */
    public int rows() {
        return Math.toIntExact(shape.getFirst());
    }

    /** Elements per row: the product of all dimensions but the slowest; 1 for a vector. */
    public int columns() {
        return Math.toIntExact(elements(shape.subList(1, shape.size())));
    }

    private static long elements(List<Long> shape) {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }
}
