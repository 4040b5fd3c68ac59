package io.chunkwise.model.cpu;

import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.TokenBatch;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Runs the projections of one input and their low-rank updates: two jobs of the team, the second one only where an
 * adapter is active.
 */
final class ProjectionStep {
    /** From this many rows on, decoding a tile of weights to float pays. */
    private static final int MANY_ROWS = 4;
    private static final int CHUNK_BYTES = 1 << 16;
    /** Outputs of an update that are handed out at a time. */
    private static final int UPDATE_OUTPUTS = 64;
    /** Multiply-adds that one thread does in less time than a team takes to gather. */
    private static final int ALONE = 1 << 15;

    /**
     * A base projection.
     *
     * @param out out/in+out [rows, weight.rows()]
     */
    record Base(TensorView weight, float[] out, boolean accumulate) {
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
    private float[] panels = new float[0]; // [panels, inputs, PANEL]
    private final Map<TensorType, float[]> prepared = new EnumMap<>(TensorType.class); // [rows, preparedSize] for quantized types

    /** @param plain use {@link PlainKernels} */
    ProjectionStep(WorkerTeam team, Scratch scratch, boolean plain) {
        this.team = team;
        this.scratch = scratch;
        this.plain = plain;
    }

    /**
     * @param in       [rows, inputs]
     * @param updates  of pairs that at least one row uses
     * @param firstRow row of {@code batch} that row 0 of the buffers is
     */
    void run(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates, TokenBatch batch, int firstRow) {
        if (plain) {
            projectPlainly(in, inputs, rows, bases, updates);
        } else if (rows < MANY_ROWS) {
            projectFewRows(in, inputs, rows, bases, updates);
        } else {
            projectManyRows(in, inputs, rows, bases, updates, batch, firstRow);
        }
        for (Update update : updates) {
            applyGains(update, rows, batch, firstRow);
        }
        if (!updates.isEmpty()) {
            addUpdates(updates, rows, batch, firstRow);
        }
    }

    private void projectFewRows(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates) {
        bases.stream().map(base -> base.weight().type()).distinct().forEach(type -> prepare(type, in, inputs, rows));
        // Items are the outputs of all projections and the components of all updates, one after the other.
        int items = 0;
        long bytes = 0;
        for (Base base : bases) {
            items += base.weight().rows();
            bytes += base.weight().data().byteSize();
        }
        for (Update update : updates) {
            items += update.pair().rank();
            bytes += 4L * update.pair().rank() * inputs;
        }
        int fair = Math.max(16, items / (4 * team.size()) / 16 * 16);
        int chunk = Math.clamp(CHUNK_BYTES * (long) items / bytes / 16 * 16, 16, fair);
        team.share(items, chunk, (_, from, to) -> {
            int begin = 0; // of the projection or update, among the items
            for (Base base : bases) {
                TensorView weight = base.weight();
                int end = begin + weight.rows();
                boolean quantized = weight.type().isQuantized();
                float[] x = quantized ? prepared.get(weight.type()) : in;
                int width = quantized ? RowProjection.preparedSize(weight.type(), inputs) : inputs;
                for (int row = 0; row < rows && from < end && to > begin; row++) {
                    RowProjection.project(weight.type(), weight.data(), inputs, x, row * width, base.accumulate(),
                            base.out(), row * weight.rows(), Math.max(0, from - begin), Math.min(to, end) - begin);
                }
                begin = end;
            }
            for (Update update : updates) {
                int rank = update.pair().rank();
                int end = begin + rank;
                for (int row = 0; row < rows && from < end && to > begin; row++) {
                    LowRankKernels.projectDown(update.pair().down(), in, row * inputs, inputs, update.hidden(), row * rank,
                            Math.max(0, from - begin), Math.min(to, end) - begin);
                }
                begin = end;
            }
        });
    }

    private void projectPlainly(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates) {
        scratch.reserve(inputs);
        for (Base base : bases) {
            team.share(base.weight().rows(), UPDATE_OUTPUTS, (worker, from, to) -> PlainKernels.project(
                    base.weight(), in, inputs, rows, base.accumulate(), scratch.of(worker), base.out(), from, to));
        }
        for (Update update : updates) {
            AttachedPair pair = update.pair();
            PlainKernels.projectDown(pair.down(), pair.rank(), in, inputs, rows, update.hidden(), 0, pair.rank());
        }
    }

    private void prepare(TensorType type, float[] in, int inputs, int rows) {
        int size = RowProjection.preparedSize(type, inputs);
        if (size > 0) {
            float[] x = prepared.compute(type, (_, before) -> Scratch.atLeast(before == null ? new float[0] : before, rows * size));
            for (int row = 0; row < rows; row++) {
                RowProjection.prepare(type, in, row * inputs, inputs, x, row * size);
            }
        }
    }

    private void projectManyRows(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates, TokenBatch batch, int firstRow) {
        int panelCount = TileProjection.panels(rows);
        panels = Scratch.atLeast(panels, panelCount * TileProjection.PANEL * inputs);
        float[] packed = panels;
        scratch.reserve(TileProjection.scratchSize(rows));
        team.share(panelCount, 1, (_, from, to) -> TileProjection.pack(in, rows, inputs, packed, from, to));
        // Items are the tiles of all projections and the panels of all updates, one after the other.
        int items = updates.size() * panelCount;
        for (Base base : bases) {
            items += tiles(base);
        }
        team.share(items, 1, (worker, from, to) -> {
            for (int item = from; item < to; item++) {
                int rest = item;
                int i = 0;
                for (; i < bases.size() && rest >= tiles(bases.get(i)); i++) {
                    rest -= tiles(bases.get(i));
                }
                if (i < bases.size()) {
                    Base base = bases.get(i);
                    int outputs = base.weight().rows();
                    int first = rest * TileProjection.TILE;
                    int end = Math.min(outputs, first + TileProjection.TILE);
                    TileProjection.project(TileProjection.stored(base.weight().type(), base.weight().data(), inputs), inputs, packed,
                            0, panelCount, rows, base.accumulate(), scratch.of(worker), base.out(), outputs, first, end);
                } else {
                    AttachedPair pair = updates.get(rest / panelCount).pair();
                    int panel = rest % panelCount;
                    int end = Math.min(rows, (panel + 1) * TileProjection.PANEL);
                    int rank = largestRank(pair, batch, firstRow, panel * TileProjection.PANEL, end);
                    TileProjection.project(pair.downRows(), inputs, packed, panel, panel + 1, rows, false, scratch.of(worker),
                            updates.get(rest / panelCount).hidden(), pair.rank(), 0, rank);
                }
            }
        });
    }

    private static int tiles(Base base) {
        return (base.weight().rows() + TileProjection.TILE - 1) / TileProjection.TILE;
    }

    /** hidden[r, k] *= gain[r, group(k)]; 0 for components that the row does not use, whatever was there. */
    private static void applyGains(Update update, int rows, TokenBatch batch, int firstRow) {
        int rank = update.pair().rank();
        int[] groupEnd = update.pair().groupEnd();
        for (int row = 0; row < rows; row++) {
            int at = (firstRow + row) * batch.groups();
            for (int group = 0, k = 0; group < groupEnd.length; group++) {
                float gain = batch.gain()[at + group];
                for (; k < groupEnd[group]; k++) {
                    int h = row * rank + k;
                    update.hidden()[h] = gain == 0 ? 0 : update.hidden()[h] * gain;
                }
            }
        }
    }

    private void addUpdates(List<Update> updates, int rows, TokenBatch batch, int firstRow) {
        int items = 0;
        long work = 0;
        for (Update update : updates) {
            items += pieces(update);
            work += (long) rows * update.pair().rank() * update.pair().outputs();
        }
        team.share(items, work < ALONE ? items : 1, (_, from, to) -> {
            for (int item = from; item < to; item++) {
                int piece = item;
                int i = 0;
                for (; piece >= pieces(updates.get(i)); i++) {
                    piece -= pieces(updates.get(i));
                }
                if (plain) {
                    addUpdatePlainly(updates.get(i), rows, batch, firstRow, piece * UPDATE_OUTPUTS);
                } else {
                    addUpdate(updates.get(i), rows, batch, firstRow, piece * UPDATE_OUTPUTS);
                }
            }
        });
    }

    private static int pieces(Update update) {
        return (update.pair().outputs() + UPDATE_OUTPUTS - 1) / UPDATE_OUTPUTS;
    }

    private static void addUpdatePlainly(Update update, int rows, TokenBatch batch, int firstRow, int from) {
        AttachedPair pair = update.pair();
        int to = Math.min(pair.outputs(), from + UPDATE_OUTPUTS);
        for (int row = 0; row < rows; row++) {
            PlainKernels.addUp(pair.up(), pair.outputs(), update.hidden(), row * pair.rank(),
                    largestRank(pair, batch, firstRow, row, row + 1), update.out(), row * pair.outputs(), from, to);
        }
    }

    private static void addUpdate(Update update, int rows, TokenBatch batch, int firstRow, int from) {
        AttachedPair pair = update.pair();
        int outputs = pair.outputs();
        int to = Math.min(outputs, from + UPDATE_OUTPUTS);
        int row = 0;
        for (; row <= rows - 4; row += 4) {
            int rank = largestRank(pair, batch, firstRow, row, row + 4);
            if (rank > 0) {
                int whole = to - (to - from) % (2 * Lanes.COUNT);
                LowRankKernels.addUpToFour(pair.up(), outputs, update.hidden(), row * pair.rank(), pair.rank(), rank,
                        update.out(), row * outputs, from, whole);
                for (int rest = row; rest < row + 4 && whole < to; rest++) {
                    LowRankKernels.addUp(pair.up(), outputs, update.hidden(), rest * pair.rank(), rank, update.out(),
                            rest * outputs, whole, to);
                }
            }
        }
        for (; row < rows; row++) {
            int rank = largestRank(pair, batch, firstRow, row, row + 1);
            LowRankKernels.addUp(pair.up(), outputs, update.hidden(), row * pair.rank(), rank, update.out(), row * outputs, from, to);
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
