package io.chunkwise.model.llama;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;

/**
 * Finds weights that are not numbers: values of F32, F16 and BF16, scales of quantized blocks. It reads every weight on every load,
 * so it tests the exponent bits of eight bytes at once: all ones means infinite or not a number.
 */
final class WeightCheck {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int PIECE_BLOCKS = 1 << 19;
    private static final int MOST_THREADS = 4; // more do not read faster

    /** Consecutive blocks of one tensor, checked at once. */
    private record Piece(TensorView tensor, long firstBlock, int blocks) {

        MemorySegment data() {
            return tensor.data().asSlice(firstBlock * tensor.type().blockBytes(), bytes());
        }

        long bytes() {
            return (long) blocks * tensor.type().blockBytes();
        }
    }

    private WeightCheck() {
    }

    /**
     * Checks all weights, in parallel.
     *
     * @param fileOf the file of a tensor, for messages
     * @throws FormatException naming the first bad tensor and the index in it
     */
    static void requireFinite(List<TensorView> tensors, Function<TensorView, String> fileOf, Progress progress) {
        long total = tensors.stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
        int threads = Math.clamp(Runtime.getRuntime().availableProcessors(), 1, MOST_THREADS);
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            List<Piece> pieces = pieces(tensors);
            List<CompletableFuture<Void>> checks = pieces.stream()
                    .map(piece -> CompletableFuture.runAsync(() -> check(piece, fileOf), pool)).toList();
            try {
                long done = 0;
                for (int i = 0; i < checks.size(); i++) {
                    checks.get(i).join();
                    done += pieces.get(i).bytes();
                    progress.report("checking weights", done, total);
                }
            } catch (CompletionException e) {
                throw e.getCause() instanceof FormatException problem ? problem : e;
            } finally {
                pool.shutdownNow(); // the rest is of no interest after a failure
            }
        }
    }

    private static List<Piece> pieces(List<TensorView> tensors) {
        List<Piece> pieces = new ArrayList<>();
        for (TensorView tensor : tensors) {
            long blocks = tensor.elements() / tensor.type().blockElements();
            for (long first = 0; first < blocks; first += PIECE_BLOCKS) {
                pieces.add(new Piece(tensor, first, (int) Math.min(PIECE_BLOCKS, blocks - first)));
            }
        }
        return pieces;
    }

    private static void check(Piece piece, Function<TensorView, String> fileOf) {
        try {
            checkMapped(piece, fileOf);
        } catch (InternalError e) { // how the virtual machine reports a mapped page that is no longer there
            throw new FormatException(fileOf.apply(piece.tensor()), "became shorter while '" + piece.tensor().name()
                    + "' was read, or cannot be read", e);
        }
    }

    private static void checkMapped(Piece piece, Function<TensorView, String> fileOf) {
        MemorySegment data = piece.data();
        boolean isFinite = switch (piece.tensor().type()) {
            // Mask of the exponent bits of each value, and what carries into its sign bit if they are all ones.
            case F32 -> isFinite(data, 0x7f80_0000_7f80_0000L, 0x0080_0000_0080_0000L, 0x8000_0000_8000_0000L);
            case F16 -> isFinite(data, 0x7c00_7c00_7c00_7c00L, 0x0400_0400_0400_0400L, 0x8000_8000_8000_8000L);
            case BF16 -> isFinite(data, 0x7f80_7f80_7f80_7f80L, 0x0080_0080_0080_0080L, 0x8000_8000_8000_8000L);
            case Q8_0, Q4_0 -> hasFiniteScales(data, piece.blocks(), piece.tensor().type().blockBytes());
        };
        if (isFinite) {
            return;
        }
        for (int block = 0; block < piece.blocks(); block++) {
            float value = firstValue(piece.tensor().type(), data, block);
            if (!Float.isFinite(value)) {
                throw new FormatException(fileOf.apply(piece.tensor()), problem(piece, piece.firstBlock() + block, value));
            }
        }
        throw new AssertionError("no bad value in " + piece);
    }

    private static String problem(Piece piece, long block, float value) {
        int blockElements = piece.tensor().type().blockElements();
        return "'" + piece.tensor().name() + "' has the value " + value
                + (blockElements == 1 ? " at index " : " as scale of the block at index ")
                + block * blockElements + ". The file is damaged or the training diverged.";
    }

    private static boolean isFinite(MemorySegment data, long exponents, long carry, long signs) {
        long overflow = 0;
        long whole = data.byteSize() & -8;
        for (long at = 0; at < whole; at += 8) {
            overflow |= (data.get(LONG, at) & exponents) + carry;
        }
        long rest = 0;
        for (long at = whole; at < data.byteSize(); at++) {
            rest |= (data.get(ValueLayout.JAVA_BYTE, at) & 0xffL) << 8 * (at - whole);
        }
        overflow |= (rest & exponents) + carry;
        return (overflow & signs) == 0;
    }

    private static boolean hasFiniteScales(MemorySegment data, int blocks, int blockBytes) {
        int overflow = 0;
        for (int block = 0; block < blocks; block++) {
            overflow |= (data.get(SHORT, (long) block * blockBytes) & 0x7c00) + 0x0400;
        }
        return (overflow & 0x8000) == 0;
    }

    /** The value of a block of one element, or the scale of a quantized block. */
    private static float firstValue(TensorType type, MemorySegment data, int block) {
        long at = (long) block * type.blockBytes();
        return switch (type) {
            case F32 -> Float.intBitsToFloat(data.get(INT, at));
            case BF16 -> Float.intBitsToFloat(data.get(SHORT, at) << 16);
            case F16, Q8_0, Q4_0 -> Float.float16ToFloat(data.get(SHORT, at));
        };
    }
}
