package io.chunkwise.model.cpu;

import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.TokenBatch;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Runs the projections of one input and their low-rank updates: two jobs of the team, the second one only where an
 * adapter is active. Many rows are for {@link PanelStep}.
 */
final class ProjectionStep {
    /** From this many rows on, decoding a tile of weights to float pays. */
    private static final int MANY_ROWS = 4;
    /** Of weights handed out at a time: every chunk is a stream that memory has to find its way into. */
    private static final int CHUNK_BYTES = 1 << 18;
    /** Fewest outputs that are handed out at a time. */
    private static final int OUTPUTS = 16;
    /** Outputs that are handed out at a time where there are no vectors. */
    private static final int PLAIN_OUTPUTS = 64;
    /** Multiply-adds that one thread does in less time than a team takes to gather. */
    private static final int ALONE = 1 << 15;

    /**
     * A base projection.
     *
     * @param packed the same weight for integer activations, and then the one that is read; null for float ones
     * @param out    out/in+out [rows, weight.rows()]
     */
    record Base(TensorView weight, PackedWeights packed, float[] out, boolean accumulate) {

        TileProjection.Weights weights(int inputs) {
            return packed == null ? TileProjection.stored(weight.type(), weight.data(), inputs) : TileProjection.packed(packed);
        }
    }

    /**
     * A low-rank update.
     *
     * @param out    in+out  [rows, pair.outputs()]
     * @param hidden scratch [rows, pair.rank()]
     */
    record Update(AttachedPair pair, float[] out, float[] hidden) {
    }

    private final WorkerTeam team;
    private final Scratch scratch;
    private final boolean plain;
    private final boolean fused;
    private float[] product = new float[0]; // [rows, outputs] of an update that is not fused
    private final PanelStep manyRows;
    private final Map<TensorType, IntegerProjection.Input> rounded = new EnumMap<>(TensorType.class); // [rows, inputs] for packed weights
    private final Map<TensorType, List<IntegerProjection.Input>> roundedHidden = new EnumMap<>(TensorType.class); // [update][rows, rank]
    private final Map<TensorType, float[]> prepared = new EnumMap<>(TensorType.class); // [rows, preparedSize] for other quantized ones

    /**
     * @param plain use {@link PlainKernels}
     * @param fused see {@link io.chunkwise.model.forward.AdapterExecution}
     */
    ProjectionStep(WorkerTeam team, Scratch scratch, boolean plain, boolean fused) {
        this.team = team;
        this.scratch = scratch;
        this.plain = plain;
        this.fused = fused;
        manyRows = new PanelStep(team, scratch);
    }

    /**
     * @param in       [rows, inputs]
     * @param updates  of pairs that at least one row uses
     * @param firstRow row of {@code batch} that row 0 of the buffers is
     */
    void run(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates, TokenBatch batch, int firstRow) {
        if (fused || updates.isEmpty()) {
            runTogether(in, inputs, rows, bases, updates, batch, firstRow);
        } else {
            bases.forEach(base -> runTogether(in, inputs, rows, List.of(base), List.of(), batch, firstRow));
            updates.forEach(update -> addUnfused(in, inputs, rows, update, batch, firstRow));
        }
    }

    /** As libraries without fused kernels do it: the update comes into memory of its own first. */
    private void addUnfused(float[] in, int inputs, int rows, Update update, TokenBatch batch, int firstRow) {
        int size = rows * update.pair().outputs();
        product = Scratch.atLeast(product, size);
        Arrays.fill(product, 0, size, 0);
        float[] from = product;
        runTogether(in, inputs, rows, List.of(), List.of(new Update(update.pair(), from, update.hidden())), batch, firstRow);
        team.share(size, 1 << 14, (_, first, to) -> {
            for (int i = first; i < to; i++) {
                update.out()[i] += from[i];
            }
        });
    }

    private void runTogether(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates, TokenBatch batch, int firstRow) {
        if (!plain && rows >= MANY_ROWS) {
            manyRows.run(in, inputs, rows, bases, updates, batch, firstRow);
            return;
        }
        if (plain) {
            projectPlainly(in, inputs, rows, bases, updates);
        } else {
            projectFewRows(in, inputs, rows, bases, updates);
        }
        addUpdates(updates, rows, batch, firstRow);
    }

    private void projectFewRows(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates) {
        Set<TensorType> met = EnumSet.noneOf(TensorType.class);
        for (Base base : bases) {
            prepareOnce(base.weight().type(), base.packed() != null, met, in, inputs, rows);
        }
        for (Update update : updates) {
            prepareOnce(update.pair().type(), update.pair().packedDown() != null, met, in, inputs, rows);
        }
        // Items are the outputs of all projections and the components of all updates, one after the other.
        int items = 0;
        long bytes = 0;
        for (Base base : bases) {
            items += base.weight().rows();
            bytes += base.weight().data().byteSize();
        }
        for (Update update : updates) {
            items += update.pair().rank();
            bytes += update.pair().type().bytesFor((long) update.pair().rank() * inputs);
        }
        int chunk = Math.toIntExact(Math.max(OUTPUTS, CHUNK_BYTES * (long) items / bytes / OUTPUTS * OUTPUTS));
        team.share(items, chunk, OUTPUTS, (_, from, to) -> {
            int begin = 0; // of the projection or update, among the items
            for (Base base : bases) {
                TensorView weight = base.weight();
                int end = begin + weight.rows();
                for (int row = 0; row < rows && from < end && to > begin; row++) {
                    projectRow(weight.type(), weight.data(), base.packed(), in, inputs, row, base.accumulate(), base.out(),
                            row * weight.rows(), Math.max(0, from - begin), Math.min(to, end) - begin);
                }
                begin = end;
            }
            for (Update update : updates) {
                AttachedPair pair = update.pair();
                int end = begin + pair.rank();
                for (int row = 0; row < rows && from < end && to > begin; row++) {
                    projectRow(pair.type(), pair.down(), pair.packedDown(), in, inputs, row, false, update.hidden(), row * pair.rank(),
                            Math.max(0, from - begin), Math.min(to, end) - begin);
                }
                begin = end;
            }
        });
    }

    private void projectRow(TensorType type, MemorySegment data, PackedWeights packed, float[] in, int inputs, int row, boolean accumulate,
            float[] out, int outAt, int from, int to) {
        if (packed != null) {
            IntegerProjection.project(packed, rounded.get(type), row, accumulate, out, outAt, from, to);
        } else if (type.isQuantized()) {
            RowProjection.project(type, data, inputs, prepared.get(type), row * RowProjection.preparedSize(type, inputs), accumulate, out,
                    outAt, from, to);
        } else {
            RowProjection.project(type, data, inputs, in, row * inputs, accumulate, out, outAt, from, to);
        }
    }

    private void projectPlainly(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates) {
        scratch.reserve(inputs);
        for (Base base : bases) {
            team.share(base.weight().rows(), PLAIN_OUTPUTS, (worker, from, to) -> PlainKernels.project(
                    base.weight(), in, inputs, rows, base.accumulate(), scratch.of(worker), base.out(), from, to));
        }
        for (Update update : updates) {
            PlainKernels.projectDown(update.pair(), in, rows, scratch.of(0), update.hidden(), 0, update.pair().rank());
        }
    }

    /** Brings the rows into the form that weights of a type want, unless one of the types met did. All of a type want the same. */
    private void prepareOnce(TensorType type, boolean packed, Set<TensorType> met, float[] in, int inputs, int rows) {
        if (!type.isQuantized() || !met.add(type)) {
            return;
        }
        if (packed) {
            rounded.computeIfAbsent(type, _ -> new IntegerProjection.Input(type, false)).round(in, inputs, rows);
            return;
        }
        int size = RowProjection.preparedSize(type, inputs);
        float[] x = prepared.compute(type, (_, before) -> Scratch.atLeast(before == null ? new float[0] : before, rows * size));
        for (int row = 0; row < rows; row++) {
            RowProjection.prepare(type, in, row * inputs, inputs, x, row * size);
        }
    }

    /** hidden[r, k] *= gain[r, group(k)] · factor[k]; 0 for components that the row does not use, whatever was there. */
    private static void applyGains(Update update, int rows, TokenBatch batch, int firstRow) {
        int rank = update.pair().rank();
        int[] groupEnd = update.pair().groupEnd();
        float[] factor = update.pair().factor();
        for (int row = 0; row < rows; row++) {
            int at = (firstRow + row) * batch.groups();
            for (int group = 0, k = 0; group < groupEnd.length; group++) {
                float gain = batch.gain()[at + group];
                for (; k < groupEnd[group]; k++) {
                    int h = row * rank + k;
                    update.hidden()[h] = gain == 0 ? 0 : update.hidden()[h] * gain * factor[k];
                }
            }
        }
    }

    private void addUpdates(List<Update> updates, int rows, TokenBatch batch, int firstRow) {
        int items = 0;
        long work = 0;
        int largest = 0;
        for (int i = 0; i < updates.size(); i++) {
            Update update = updates.get(i);
            applyGains(update, rows, batch, firstRow);
            if (update.pair().packedUp() != null) {
                hiddenOf(update.pair().type(), i).round(update.hidden(), update.pair().rank(), rows);
            }
            items += tiles(update);
            work += (long) rows * update.pair().rank() * update.pair().outputs();
            largest = Math.max(largest, update.pair().rank());
        }
        scratch.reserve(largest * AttachedPair.TILE);
        int smallest = Math.max(1, items / (16 * team.size()));
        int chunk = Math.max(1, items / (2 * team.size()) / smallest) * smallest;
        team.share(items, work < ALONE ? items : chunk, smallest, (worker, from, to) -> {
            int begin = 0;
            for (int i = 0; i < updates.size(); i++) {
                int end = begin + tiles(updates.get(i));
                if (from < end && to > begin) {
                    addTiles(updates.get(i), i, rows, batch, firstRow, Math.max(from, begin) - begin, Math.min(to, end) - begin,
                            scratch.of(worker));
                }
                begin = end;
            }
        });
    }

    /** What an update's hidden rows are rounded into; made before workers ask for it. */
    private IntegerProjection.Input hiddenOf(TensorType type, int update) {
        List<IntegerProjection.Input> inputs = roundedHidden.computeIfAbsent(type, _ -> new ArrayList<>());
        while (inputs.size() <= update) {
            inputs.add(new IntegerProjection.Input(type, true));
        }
        return inputs.get(update);
    }

    private static int tiles(Update update) {
        return (update.pair().outputs() + AttachedPair.TILE - 1) / AttachedPair.TILE;
    }

    /**
     * @param index   of the update
     * @param decoded scratch [rank, AttachedPair.TILE]
     */
    private void addTiles(Update update, int index, int rows, TokenBatch batch, int firstRow, int fromTile, int toTile, float[] decoded) {
        AttachedPair pair = update.pair();
        int outputs = pair.outputs();
        int from = fromTile * AttachedPair.TILE;
        int to = Math.min(outputs, toTile * AttachedPair.TILE);
        if (plain) {
            int rank = largestRank(pair, batch, firstRow, 0, rows);
            for (int first = from; first < to; first += AttachedPair.TILE) {
                PlainKernels.addUp(pair, update.hidden(), rows, rank, decoded, update.out(), first);
            }
            return;
        }
        for (int row = 0; row < rows; row++) {
            int rank = largestRank(pair, batch, firstRow, row, row + 1);
            if (pair.packedUp() == null) {
                LowRankKernels.addUp(pair, update.hidden(), row * pair.rank(), rank, update.out(), row * outputs, from, to);
            } else {
                IntegerProjection.addTurned(pair.packedUp(), rank, hiddenOf(pair.type(), index), row, update.out(), row * outputs,
                        from / PackedWeights.BLOCKS, to / PackedWeights.BLOCKS);
            }
        }
    }

    private static int largestRank(AttachedPair pair, TokenBatch batch, int firstRow, int from, int to) {
        int largest = 0;
        for (int row = from; row < to; row++) {
            largest = Math.max(largest, pair.activeRank(batch.activeGroups(firstRow + row)));
        }
        return largest;
    }
}
