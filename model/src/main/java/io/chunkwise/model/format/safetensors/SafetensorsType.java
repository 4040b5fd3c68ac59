package io.chunkwise.model.format.safetensors;

import io.chunkwise.model.format.TensorType;
import java.util.Optional;

/** Every {@code dtype} of the safetensors format, with its width; we compute with three of them. */
enum SafetensorsType {
    BOOL(8), F4(4), F6_E2M3(6), F6_E3M2(6), U8(8), I8(8), F8_E5M2(8), F8_E4M3(8), F8_E8M0(8), F8_E4M3FNUZ(8), F8_E5M2FNUZ(8),
    I16(16), U16(16), F16(16, TensorType.F16), BF16(16, TensorType.BF16), I32(32), U32(32), F32(32, TensorType.F32),
    C64(64), F64(64), I64(64), U64(64);

    private final int bits;
    private final TensorType supported; // null where we do not compute with it

    SafetensorsType(int bits) {
        this(bits, null);
    }

    SafetensorsType(int bits, TensorType supported) {
        this.bits = bits;
        this.supported = supported;
    }

    static Optional<SafetensorsType> of(String dtype) {
        for (SafetensorsType type : values()) {
            if (type.name().equals(dtype)) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }

    /** The dtype that a supported number format is written as; empty for block formats. */
    static Optional<SafetensorsType> of(TensorType format) {
        for (SafetensorsType type : values()) {
            if (type.supported == format) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }

    int bits() {
        return bits;
    }

    Optional<TensorType> supported() {
        return Optional.ofNullable(supported);
    }
}
