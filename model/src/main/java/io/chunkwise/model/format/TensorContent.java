package io.chunkwise.model.format;

import java.lang.foreign.MemorySegment;

/** Where the bytes of a tensor come from. */
public sealed interface TensorContent permits TensorContent.Stored, RandomContent {

    /** The tensor's little-endian bytes; read-only where they are mapped or shared. May have to be made first. */
    MemorySegment data();

    /** The length of {@link #data}, which need not be there for that. */
    long bytes();

    /** Bytes that are there, viewed in place (never copied). */
    record Stored(MemorySegment data) implements TensorContent {
        @Override
        public long bytes() {
            return data.byteSize();
        }
    }
}
