package io.chunkwise.model.cpu;

import io.chunkwise.model.forward.TokenBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Projections of many rows: one job of the team packs the rows, one does the first halves of all low-rank updates, and one the
 * base projections, to whose sums the second halves are added before they are stored. So an update costs what it multiplies.
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

    /** Products of one output; {@code base} may be null. */
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
        projectDown(inputs, rows, packed, updates, ranks, batch, firstRow);
        addUp(targets(inputs, packed, bases, updates, ranks), rows);
    }

    private static int[] largestRanks(AttachedPair pair, int rows, TokenBatch batch, int firstRow) {
        int[] largest = new int[TileProjection.panels(rows)];
        for (int row = 0; row < rows; row++) {
            int panel = row / TileProjection.PANEL;
            largest[panel] = Math.max(largest[panel], pair.activeRank(batch.activeGroups(firstRow + row)));
        }
        return largest;
    }

    private void projectDown(int inputs, int rows, float[] packed, List<ProjectionStep.Update> updates, int[][] ranks, TokenBatch batch,
            int firstRow) {
        int panelCount = TileProjection.panels(rows);
        if (hidden.length < updates.size()) {
            hidden = Arrays.copyOf(hidden, updates.size());
        }
        // Tiles small enough that every worker gets one of each update.
        int[] tile = new int[updates.size()];
        int items = 0;
        for (int i = 0; i < tile.length; i++) {
            int rank = updates.get(i).pair().rank();
            int fair = Math.ceilDiv(rank, team.size());
            tile[i] = Math.min(TileProjection.TILE, Math.ceilDiv(fair, TileProjection.OUTPUTS) * TileProjection.OUTPUTS);
            items += Math.ceilDiv(rank, tile[i]);
            int size = panelCount * TileProjection.even(rank) * TileProjection.PANEL;
            hidden[i] = Scratch.atLeast(hidden[i] == null ? new float[0] : hidden[i], size);
        }
        team.share(items, 1, (worker, from, to) -> {
            for (int item = from; item < to; item++) {
                int i = 0;
                int rest = item;
                for (; rest >= Math.ceilDiv(updates.get(i).pair().rank(), tile[i]); i++) {
                    rest -= Math.ceilDiv(updates.get(i).pair().rank(), tile[i]);
                }
                AttachedPair pair = updates.get(i).pair();
                int first = rest * tile[i];
                int end = Math.min(pair.rank(), first + tile[i]);
                TileProjection.projectToPanels(List.of(new TileProjection.Product(pair.downWeights(), inputs, packed, null)), panelCount,
                        ranks[i], scratch.of(worker), hidden[i], pair.rank(), first, end);
                applyGains(pair, hidden[i], rows, batch, firstRow, first, end);
            }
        });
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
            int[][] ranks) {
        List<TileProjection.Product> ups = new ArrayList<>(updates.size());
        for (int i = 0; i < ranks.length; i++) {
            AttachedPair pair = updates.get(i).pair();
            ups.add(new TileProjection.Product(pair.upWeights(), pair.rank(), hidden[i], ranks[i]));
        }
        List<Target> targets = new ArrayList<>(bases.size() + updates.size());
        boolean[] joined = new boolean[ranks.length];
        for (ProjectionStep.Base base : bases) {
            Stream.Builder<TileProjection.Product> products = Stream.builder();
            products.add(new TileProjection.Product(
                    TileProjection.stored(base.weight().type(), base.weight().data(), inputs), inputs, packed, null));
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

    private void addUp(List<Target> targets, int rows) {
        // Items are the tiles of all targets, one after the other.
        team.share(targets.stream().mapToInt(Target::tiles).sum(), 1, (worker, from, to) -> {
            for (int item = from; item < to; item++) {
                int rest = item;
                int i = 0;
                for (; rest >= targets.get(i).tiles(); i++) {
                    rest -= targets.get(i).tiles();
                }
                Target target = targets.get(i);
                int first = rest * TileProjection.TILE;
                TileProjection.project(target.products(), rows, target.accumulate(), scratch.of(worker), target.out(), target.outputs(),
                        first, Math.min(target.outputs(), first + TileProjection.TILE));
            }
        });
    }
}
