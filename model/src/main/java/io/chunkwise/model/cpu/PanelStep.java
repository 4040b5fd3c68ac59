package io.chunkwise.model.cpu;

import io.chunkwise.model.forward.TokenBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Projections of many rows: one job of the team packs the rows, and one does the first halves of all low-rank updates and then the
 * base projections, to whose sums the second halves are added before they are stored. First halves are handed out first, so that they
 * are there when the first tile of a base wants them, and nobody waits between the two. So an update costs what it multiplies.
 */
final class PanelStep {
    private final WorkerTeam team;
    private final Scratch scratch;
    private float[] panels = new float[0]; // [panels, even(inputs), PANEL]
    private float[][] hidden = new float[0][]; // [update][panels, even(rank), PANEL]

    PanelStep(WorkerTeam team, Scratch scratch) {
        this.team = team;
        this.scratch = scratch;
    }

    /** Components [from, to) of an update: a tile of its first half. */
    private record Down(int update, int from, int to) {
    }

    /** Products of one output. */
    private record Target(List<TileProjection.Product> products, boolean accumulate, float[] out, int outputs) {

        int tiles() {
            return (outputs + TileProjection.TILE - 1) / TileProjection.TILE;
        }
    }

    /**
     * out = base · in (+ out where the base accumulates) + update, for all bases and updates; updates without a base in the step are
     * added to what is in their output
     *
     * @param in       [rows, inputs]
     * @param firstRow row of {@code batch} that row 0 of the buffers is
     */
    void run(float[] in, int inputs, int rows, List<ProjectionStep.Base> bases, List<ProjectionStep.Update> updates, TokenBatch batch,
            int firstRow) {
        int panelCount = TileProjection.panels(rows);
        panels = Scratch.atLeast(panels, panelCount * TileProjection.PANEL * TileProjection.even(inputs));
        float[] packed = panels;
        scratch.reserve(TileProjection.scratchSize(rows));
        team.share(panelCount, 1, (_, from, to) -> TileProjection.pack(in, rows, inputs, packed, from, to));
        int[][] ranks = new int[updates.size()][]; // [update][panels] largest active rank
        for (int i = 0; i < ranks.length; i++) {
            ranks[i] = largestRanks(updates.get(i).pair(), rows, batch, firstRow);
        }
        reserveHidden(updates, panelCount);
        List<Down> downs = downs(updates);
        AtomicInteger missing = new AtomicInteger(downs.size());
        List<Target> targets = targets(inputs, packed, bases, updates, ranks, () -> WorkerTeam.await(() -> missing.get() == 0));
        // Items are the tiles of first halves, then those of all targets, one after the other.
        team.share(downs.size() + targets.stream().mapToInt(Target::tiles).sum(), 1, (worker, from, to) -> {
            for (int item = from; item < to; item++) {
                if (item < downs.size()) {
                    try {
                        projectDown(downs.get(item), inputs, rows, packed, updates, ranks, batch, firstRow, scratch.of(worker));
                    } finally {
                        missing.decrementAndGet(); // also of one that failed: nobody may wait for it
                    }
                } else {
                    projectTile(targets, item - downs.size(), rows, scratch.of(worker));
                }
            }
        });
    }

    private static int[] largestRanks(AttachedPair pair, int rows, TokenBatch batch, int firstRow) {
        int[] largest = new int[TileProjection.panels(rows)];
        for (int row = 0; row < rows; row++) {
            int panel = row / TileProjection.PANEL;
            largest[panel] = Math.max(largest[panel], pair.activeRank(batch.activeGroups(firstRow + row)));
        }
        return largest;
    }

    private void reserveHidden(List<ProjectionStep.Update> updates, int panelCount) {
        if (hidden.length < updates.size()) {
            hidden = Arrays.copyOf(hidden, updates.size());
        }
        for (int i = 0; i < updates.size(); i++) {
            int size = panelCount * TileProjection.even(updates.get(i).pair().rank()) * TileProjection.PANEL;
            hidden[i] = Scratch.atLeast(hidden[i] == null ? new float[0] : hidden[i], size);
        }
    }

    private static List<Down> downs(List<ProjectionStep.Update> updates) {
        List<Down> downs = new ArrayList<>();
        for (int i = 0; i < updates.size(); i++) {
            int rank = updates.get(i).pair().rank();
            for (int from = 0; from < rank; from += TileProjection.TILE) {
                downs.add(new Down(i, from, Math.min(rank, from + TileProjection.TILE)));
            }
        }
        return downs;
    }

    private void projectDown(Down down, int inputs, int rows, float[] packed, List<ProjectionStep.Update> updates, int[][] ranks,
            TokenBatch batch, int firstRow, float[] scratch) {
        AttachedPair pair = updates.get(down.update()).pair();
        float[] to = hidden[down.update()];
        TileProjection.projectToPanels(List.of(new TileProjection.Product(pair.downWeights(), inputs, packed, null)),
                TileProjection.panels(rows), ranks[down.update()], scratch, to, pair.rank(), down.from(), down.to());
        applyGains(pair, to, rows, batch, firstRow, down.from(), down.to());
    }

    /**
     * hidden[p, k, l] *= gain[row, group(k)] · factor[k]; 0 for components that the row does not use, whatever was there; for components
     * [from, to), and 0 for the one that pads
     */
    private static void applyGains(AttachedPair pair, float[] hidden, int rows, TokenBatch batch, int firstRow, int from, int to) {
        int group = 0;
        int stored = TileProjection.even(pair.rank());
        for (int k = from; k < (to == pair.rank() ? stored : to); k++) {
            while (k < to && pair.groupEnd()[group] <= k) {
                group++;
            }
            for (int row = 0; row < TileProjection.panels(rows) * TileProjection.PANEL; row++) {
                int at = (row / TileProjection.PANEL * stored + k) * TileProjection.PANEL + row % TileProjection.PANEL;
                float gain = row < rows && k < to ? batch.gain()[(firstRow + row) * batch.groups() + group] : 0;
                hidden[at] = gain == 0 ? 0 : hidden[at] * gain * pair.factor()[k];
            }
        }
    }

    private List<Target> targets(int inputs, float[] packed, List<ProjectionStep.Base> bases, List<ProjectionStep.Update> updates,
            int[][] ranks, Runnable hiddenReady) {
        List<TileProjection.Product> ups = new ArrayList<>(updates.size());
        for (int i = 0; i < ranks.length; i++) {
            AttachedPair pair = updates.get(i).pair();
            ups.add(new TileProjection.Product(pair.upWeights(), true, pair.rank(), hidden[i], ranks[i], hiddenReady));
        }
        List<Target> targets = new ArrayList<>(bases.size() + updates.size());
        boolean[] joined = new boolean[ranks.length];
        for (ProjectionStep.Base base : bases) {
            Stream.Builder<TileProjection.Product> products = Stream.builder();
            products.add(new TileProjection.Product(base.weights(inputs), inputs, packed, null));
            for (int i = 0; i < joined.length; i++) {
                if (!joined[i] && updates.get(i).out() == base.out()) {
                    joined[i] = true;
                    products.add(ups.get(i));
                }
            }
            targets.add(new Target(products.build().toList(), base.accumulate(), base.out(), base.weight().rows()));
        }
        for (int i = 0; i < joined.length; i++) {
            if (!joined[i]) {
                targets.add(new Target(List.of(ups.get(i)), true, updates.get(i).out(), updates.get(i).pair().outputs()));
            }
        }
        return targets;
    }

    /** @param tile among those of all targets, one after the other */
    private static void projectTile(List<Target> targets, int tile, int rows, float[] scratch) {
        int i = 0;
        for (; tile >= targets.get(i).tiles(); i++) {
            tile -= targets.get(i).tiles();
        }
        Target target = targets.get(i);
        int first = tile * TileProjection.TILE;
        TileProjection.project(target.products(), rows, target.accumulate(), scratch, target.out(), target.outputs(),
                first, Math.min(target.outputs(), first + TileProjection.TILE));
    }
}
