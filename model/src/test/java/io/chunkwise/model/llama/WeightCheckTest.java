package io.chunkwise.model.llama;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.safetensors.SafetensorsFile;
import io.chunkwise.model.format.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WeightCheckTest {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @TempDir
    Path directory;

    @ParameterizedTest
    @EnumSource
    void aBadValueIsFoundWhereverItIs(TensorType type) {
        for (int blocks : new int[] {1, 3, 7, 17, 33}) {
            for (int bad = 0; bad < blocks; bad++) {
                TensorView tensor = zeros("w", type, blocks);
                setBits(tensor, bad, type == TensorType.BF16 ? 0x7f80 : type == TensorType.F32 ? 0xff80_0000 : 0xfc00);
                assertRefused(tensor, bad, "Infinity");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBadValueIsFoundAtTheEdgesOfPieces(TensorType type) {
        int pieceBlocks = 1 << 19;
        for (int bad : new int[] {pieceBlocks - 1, pieceBlocks, 2 * pieceBlocks - 1, 2 * pieceBlocks, 2 * pieceBlocks + 4}) {
            TensorView tensor = zeros("w", type, 2 * pieceBlocks + 5);
            setBits(tensor, bad, type == TensorType.F32 ? 0x7f80_0001 : 0x7fff);
            assertRefused(tensor, bad, "NaN");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void everyFiniteBitPatternOfSixteenBitsIsAcceptedAndEveryOtherRefused(TensorType type) {
        TensorView finite = zeros("w", type, 1 << 16);
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = type == TensorType.F16 ? Float.float16ToFloat((short) bits) : Float.intBitsToFloat(bits << 16);
            if (Float.isFinite(value)) {
                setBits(finite, bits, bits);
            } else if (bits % 17 == 0 || (bits & 0x7f) < 2) {
                TensorView bad = zeros("w", type, 9);
                setBits(bad, bits % 9, bits);
                assertRefused(bad, bits % 9, Float.isNaN(value) ? "NaN" : "Infinity");
            }
        }
        assertDoesNotThrow(() -> check(finite));
    }

    @Test
    void theLargestAndSmallestNumbersOfThirtyTwoBitsAreAccepted() {
        TensorView tensor = zeros("w", TensorType.F32, 7);
        int[] bits = {0x7f7f_ffff, 0xff7f_ffff, 1, 0x8000_0000, 0x007f_ffff, 0x0080_0000, 0x3f80_0000};
        for (int i = 0; i < bits.length; i++) {
            setBits(tensor, i, bits[i]);
        }
        assertDoesNotThrow(() -> check(tensor));
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void quantsMayHaveAnyBits(TensorType type) {
        TensorView tensor = zeros("w", type, 5);
        for (int block = 0; block < 5; block++) {
            tensor.data().asSlice((long) block * type.blockBytes() + 2, type.blockBytes() - 2).fill((byte) 0xff);
        }
        assertDoesNotThrow(() -> check(tensor));
    }

    @Test
    void theFirstOfSeveralBadTensorsIsNamed() {
        TensorView good = zeros("good", TensorType.F32, 3_000_000);
        TensorView first = zeros("first", TensorType.F32, 3_000_000);
        TensorView second = zeros("second", TensorType.F32, 1);
        setBits(first, 2_999_999, 0x7f80_0000);
        setBits(first, 2_500_000, 0x7fc0_0000);
        setBits(second, 0, 0x7f80_0000);
        String message = assertThrows(FormatException.class, () -> check(good, first, second)).getMessage();
        assertTrue(message.startsWith("first.file: 'first' has the value NaN at index 2500000."), message);
    }

    @Test
    void aFileThatShrinksWhileItIsOpenIsRefused() throws IOException {
        Path path = directory.resolve("w.safetensors");
        SafetensorsWriter.write(path, List.of(zeros("w", TensorType.F32, 1_000_000)), Map.of());
        try (Arena memory = Arena.ofShared()) {
            SafetensorsFile file = SafetensorsFile.open(path, memory);
            try (RandomAccessFile shrinking = new RandomAccessFile(path.toFile(), "rw")) {
                shrinking.setLength(1_000_000);
            }
            String message = assertThrows(FormatException.class, () -> check(file.tensor("w"))).getMessage();
            assertTrue(message.contains("became shorter while 'w' was read"), message);
        }
    }

    private static void assertRefused(TensorView tensor, int block, String value) {
        String message = assertThrows(FormatException.class, () -> check(tensor), () -> tensor.type() + " block " + block).getMessage();
        assertTrue(message.contains(value) && message.contains(" at index " + block * tensor.type().blockElements() + "."), message);
    }

    private static void check(TensorView... tensors) {
        WeightCheck.requireFinite(List.of(tensors), tensor -> tensor.name() + ".file", Progress.NONE);
    }

    private static TensorView zeros(String name, TensorType type, int blocks) {
        long elements = (long) blocks * type.blockElements();
        MemorySegment data = Arena.ofAuto().allocate(type.bytesFor(elements));
        return new TensorView(name, type, List.of(elements), data);
    }

    /** Sets the bits of a value, or of the scale of a block. */
    private static void setBits(TensorView tensor, int block, int bits) {
        long at = (long) block * tensor.type().blockBytes();
        if (tensor.type() == TensorType.F32) {
            tensor.data().set(INT, at, bits);
        } else {
            tensor.data().set(SHORT, at, (short) bits);
        }
    }
}
