package io.chunkwise.model.cpu;

import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.TokenBatch;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Runs the projections of one input and their low-rank updates: many rows by {@link PanelStep}, few by {@link RowStep}, and plainly here.
 */
final class ProjectionStep {
    /** From this many rows on, decoding a tile of weights to float pays. */
    private static final int MANY_ROWS = 4;
    /** Outputs that are handed out at a time where there are no vectors. */
    private static final int PLAIN_OUTPUTS = 64;

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
    private final RowStep fewRows;

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
        fewRows = new RowStep(team);
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
        if (plain) {
            runPlainly(in, inputs, rows, bases, updates, batch, firstRow);
        } else if (rows >= MANY_ROWS) {
            manyRows.run(in, inputs, rows, bases, updates, batch, firstRow);
        } else {
            fewRows.run(in, inputs, rows, bases, updates, batch, firstRow);
        }
    }

    private void runPlainly(float[] in, int inputs, int rows, List<Base> bases, List<Update> updates, TokenBatch batch, int firstRow) {
        scratch.reserve(inputs);
        for (Base base : bases) {
            team.share(base.weight().rows(), PLAIN_OUTPUTS, (worker, from, to) -> PlainKernels.project(
                    base.weight(), in, inputs, rows, base.accumulate(), scratch.of(worker), base.out(), from, to));
        }
        for (Update update : updates) {
            AttachedPair pair = update.pair();
            PlainKernels.projectDown(pair, in, rows, scratch.of(0), update.hidden(), 0, pair.rank());
            applyGains(update, rows, batch, firstRow);
        }
        for (Update update : updates) {
            AttachedPair pair = update.pair();
            int rank = IntStream.range(0, rows).map(row -> pair.activeRank(batch.activeGroups(firstRow + row))).max().orElse(0);
            scratch.reserve(rank * AttachedPair.TILE);
            team.share(Math.ceilDiv(pair.outputs(), AttachedPair.TILE), 1, (worker, from, to) -> {
                for (int tile = from; tile < to; tile++) {
                    PlainKernels.addUp(pair, update.hidden(), rows, rank, scratch.of(worker), update.out(), tile * AttachedPair.TILE);
                }
            });
        }
    }

    /** hidden[r, k] *= gain[r, group(k)] · factor[k]; 0 for components that the row does not use, whatever was there. */
    static void applyGains(Update update, int rows, TokenBatch batch, int firstRow) {
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
}
