package io.chunkwise.model.cpu;

import io.chunkwise.model.cpu.ProjectionStep.Base;
import io.chunkwise.model.cpu.ProjectionStep.Update;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.TokenBatch;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Projections of a few rows, each of which reads the weights where they lie: one job of the team does the first halves of all low-rank
 * updates, then the base projections, then the second halves. First halves are handed out first, so that they are there when second ones
 * want them, and these wait for those outputs alone that they add to, so that nobody waits but at the end.
 */
final class RowStep {
    /** Of weights handed out at a time: every chunk is a stream that memory has to find its way into. */
    private static final int CHUNK_BYTES = 1 << 18;
    /** Outputs are handed out in multiples of this: those whose components lie together. */
    private static final int OUTPUTS = AttachedPair.TILE;
    /** Most pieces of second halves for each worker. */
    private static final int PIECES = 8;

    private final WorkerTeam team;
    private final Map<TensorType, IntegerProjection.Input> rounded = new EnumMap<>(TensorType.class); // [rows, inputs] for packed weights
    private final Map<TensorType, float[]> prepared = new EnumMap<>(TensorType.class); // [rows, preparedSize] for other quantized ones
    private final Map<TensorType, List<IntegerProjection.Input>> roundedHidden = new EnumMap<>(TensorType.class); // [update][rows, rank]

    RowStep(WorkerTeam team) {
        this.team = team;
    }

    /**
     * out = base · in (+ out where the base accumulates) + update, for all bases and updates; updates without a base in the step are
     * added to what is in their output
     *
     * @param in       [rows, inputs]
     * @param firstRow row of {@code batch} that row 0 of the buffers is
     */
    void run(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates, TokenBatch batch, int firstRow) {
        prepare(in, inputs, rows, bases, updates);
        int components = components(updates);
        int tiles = tiles(updates);
        int blocks = blocks(bases);
        int outputs = blocks * OUTPUTS;
        long bytes = bytes(bases, updates);
        int chunk = Math.toIntExact(Math.max(OUTPUTS, CHUNK_BYTES * (long) (components + outputs) / bytes / OUTPUTS * OUTPUTS));
        // Items are first halves, outputs of bases and second halves. So that each worker has some of both halves, and not too few at a
        // time, items stand for shares of them.
        boolean apart = !updates.isEmpty() && components + outputs + tiles > chunk;
        int downs = apart ? team.size() * chunk : components;
        int ups = apart ? team.size() * PIECES * OUTPUTS : tiles;
        AtomicInteger missing = new AtomicInteger(downs);
        AtomicBoolean hiddenReady = new AtomicBoolean();
        AtomicIntegerArray done = new AtomicIntegerArray(blocks); // 1: the block of outputs is there
        team.share(downs + outputs + ups, chunk, OUTPUTS, (_, from, to) -> {
            if (from < downs) {
                int end = Math.min(to, downs);
                try {
                    projectDown(updates, in, inputs, rows, share(from, downs, components), share(end, downs, components));
                } finally { // also of what failed, here and below: nobody may wait for it
                    if (missing.addAndGet(from - end) == 0) {
                        try {
                            finishHidden(updates, rows, batch, firstRow);
                        } finally {
                            hiddenReady.set(true);
                        }
                    }
                }
            }
            int first = Math.max(0, from - downs);
            int end = Math.min(outputs, to - downs);
            if (first < end) {
                try {
                    projectBases(bases, in, inputs, rows, first, end);
                } finally {
                    for (int block = first / OUTPUTS; block < end / OUTPUTS; block++) {
                        done.set(block, 1);
                    }
                }
            }
            int firstUp = Math.max(0, from - downs - outputs);
            int endUp = to - downs - outputs;
            if (firstUp < endUp) {
                WorkerTeam.await(hiddenReady::get);
                addUps(bases, updates, done, rows, batch, firstRow, share(firstUp, ups, tiles), share(endUp, ups, tiles));
            }
        });
    }

    // Streams here would take longer than all else that is done before the first items are handed out.

    private static int components(List<Update> updates) {
        int components = 0;
        for (Update update : updates) {
            components += update.pair().rank();
        }
        return components;
    }

    private static int tiles(List<Update> updates) {
        int tiles = 0;
        for (Update update : updates) {
            tiles += tiles(update.pair().outputs());
        }
        return tiles;
    }

    private static int blocks(List<Base> bases) {
        int blocks = 0;
        for (Base base : bases) {
            blocks += tiles(base.weight().rows());
        }
        return blocks;
    }

    private static long bytes(List<Base> bases, List<Update> updates) {
        long bytes = 0;
        for (Base base : bases) {
            bytes += base.weight().data().byteSize();
        }
        for (Update update : updates) {
            bytes += update.pair().bytes();
        }
        return bytes;
    }

    private static int tiles(int outputs) {
        return Math.ceilDiv(outputs, OUTPUTS);
    }

    private static int share(int item, int items, int components) {
        return Math.toIntExact((long) item * components / items);
    }

    /** Brings the rows into the forms that the weights want. All of a number format want the same. */
    private void prepare(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates) {
        Set<TensorType> packed = EnumSet.noneOf(TensorType.class);
        Set<TensorType> stored = EnumSet.noneOf(TensorType.class);
        bases.forEach(base -> (base.packed() == null ? stored : packed).add(base.weight().type()));
        updates.forEach(update -> (update.pair().packedDown() == null ? stored : packed).add(update.pair().type()));
        if (!packed.isEmpty()) {
            List<IntegerProjection.Input> all = new ArrayList<>(packed.size());
            packed.forEach(type -> all.add(rounded.computeIfAbsent(type, _ -> new IntegerProjection.Input(type, false))));
            all.removeFirst().round(in, inputs, rows, all.toArray(IntegerProjection.Input[]::new));
        }
        stored.removeIf(type -> !type.isQuantized());
        for (TensorType type : stored) {
            int size = RowProjection.preparedSize(type, inputs);
            float[] x = prepared.compute(type, (_, before) -> Scratch.atLeast(before == null ? new float[0] : before, rows * size));
            for (int row = 0; row < rows; row++) {
                RowProjection.prepare(type, in, row * inputs, inputs, x, row * size);
            }
        }
    }

    /** Components [from, to) of those of all updates, one after the other. */
    private void projectDown(List<Update> updates, float[] in, int inputs, int rows, int from, int to) {
        int begin = 0; // of the update
        for (Update update : updates) {
            AttachedPair pair = update.pair();
            int end = begin + pair.rank();
            for (int row = 0; row < rows && from < end && to > begin; row++) {
                projectRow(pair.type(), pair.down(), pair.packedDown(), in, inputs, row, false, update.hidden(), row * pair.rank(),
                        Math.max(0, from - begin), Math.min(to, end) - begin);
            }
            begin = end;
        }
    }

    private void finishHidden(List<Update> updates, int rows, TokenBatch batch, int firstRow) {
        for (int i = 0; i < updates.size(); i++) {
            Update update = updates.get(i);
            ProjectionStep.applyGains(update, rows, batch, firstRow);
            if (update.pair().packedUp() != null) {
                hiddenOf(update.pair().type(), i).round(update.hidden(), update.pair().rank(), rows);
            }
        }
    }

    private IntegerProjection.Input hiddenOf(TensorType type, int update) {
        List<IntegerProjection.Input> inputs = roundedHidden.computeIfAbsent(type, _ -> new ArrayList<>());
        while (inputs.size() <= update) {
            inputs.add(new IntegerProjection.Input(type, true));
        }
        return inputs.get(update);
    }

    /** Outputs [from, to) of those of all bases, each filled up to a whole block. */
    private void projectBases(List<Base> bases, float[] in, int inputs, int rows, int from, int to) {
        int begin = 0; // of the base
        for (Base base : bases) {
            int outputs = base.weight().rows();
            int first = Math.max(0, from - begin);
            int end = Math.min(outputs, to - begin);
            for (int row = 0; row < rows && first < end; row++) {
                projectRow(base.weight().type(), base.weight().data(), base.packed(), in, inputs, row, base.accumulate(), base.out(),
                        row * outputs, first, end);
            }
            begin += tiles(outputs) * OUTPUTS;
        }
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

    /** Tiles [from, to) of those of all updates, once the outputs that they are added to are there. */
    private void addUps(List<Base> bases, List<Update> updates, AtomicIntegerArray done, int rows, TokenBatch batch, int firstRow,
            int from, int to) {
        int begin = 0; // of the update
        for (int i = 0; i < updates.size(); i++) {
            Update update = updates.get(i);
            int first = Math.max(0, from - begin);
            int end = Math.min(tiles(update.pair().outputs()), to - begin);
            if (first < end) {
                awaitBase(bases, update, done, first, end);
                addUp(update, i, rows, batch, firstRow, first * OUTPUTS, Math.min(update.pair().outputs(), end * OUTPUTS));
            }
            begin += tiles(update.pair().outputs());
        }
    }

    private static void awaitBase(List<Base> bases, Update update, AtomicIntegerArray done, int first, int end) {
        int begin = 0; // of the base
        for (Base base : bases) {
            if (base.out() == update.out()) {
                int from = begin + first;
                int to = begin + end;
                WorkerTeam.await(() -> areDone(done, from, to));
            }
            begin += tiles(base.weight().rows());
        }
    }

    private static boolean areDone(AtomicIntegerArray done, int from, int to) {
        for (int block = from; block < to; block++) {
            if (done.get(block) == 0) {
                return false;
            }
        }
        return true;
    }

    /** @param index of the update */
    private void addUp(Update update, int index, int rows, TokenBatch batch, int firstRow, int from, int to) {
        AttachedPair pair = update.pair();
        for (int row = 0; row < rows; row++) {
            int rank = pair.activeRank(batch.activeGroups(firstRow + row));
            int outAt = row * pair.outputs();
            if (pair.packedUp() == null) {
                LowRankKernels.addUp(pair, update.hidden(), row * pair.rank(), rank, update.out(), outAt, from, to);
            } else {
                IntegerProjection.addTurned(pair.packedUp(), rank, hiddenOf(pair.type(), index), row, update.out(), outAt,
                        from / PackedWeights.BLOCKS, to / PackedWeights.BLOCKS);
            }
        }
    }
}
