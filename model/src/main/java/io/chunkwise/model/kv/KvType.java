package io.chunkwise.model.kv;

/** Number format of the elements of full pages ({@link KvFormat#FULL}). */
public enum KvType {
    F32,
    /** The nearest one, ties to even; what is beyond the largest finite one (65,504) becomes that, so that no score is infinite. */
    F16;

    /** The largest finite {@link #F16}. */
    public static final float LARGEST_F16 = 65504;

    /** Bytes of an element. */
    public int bytes() {
        return switch (this) {
            case F32 -> Float.BYTES;
            case F16 -> Short.BYTES;
        };
    }
}
