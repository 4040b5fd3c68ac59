package io.chunkwise.evaluate.ablation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.evaluate.perplexity.PerplexityRow;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AblationFiguresTest {
    private static final int SCORED = 100;

    @Test
    void anAdaptiveRowIsComparedWithTheUniformCurveWhereItIs() {
        // Losses that are linear in the logarithm of the rank: the curve is exact, and 8 components cost log2(8) less than 1.
        List<AblationRow> rows = new ArrayList<>();
        for (int window = 0; window < 5; window++) {
            rows.add(row(0, "uniform:4, fixed", null, true, window, 4, 10 - 2 + window));
            rows.add(row(1, "uniform:16, fixed", null, true, window, 16, 10 - 4 + window));
            rows.add(row(2, "adaptive", "uniform:4, fixed", false, window, 8, 10 - 3.25 + window));
        }
        Collections.shuffle(rows, new Random(1));
        List<AblationFigures> figures = AblationFigures.of(rows);
        assertEquals(List.of("uniform:4, fixed", "uniform:16, fixed", "adaptive"),
                figures.stream().map(each -> each.of().variant()).toList());
        assertEquals(-1.25, figures.get(2).difference().orElseThrow().nats(), 1e-12);
        assertEquals(-0.25, figures.get(2).atUniform().orElseThrow().nats(), 1e-12);
        assertEquals(0, figures.get(2).atUniform().orElseThrow().standardError(), 1e-12);
        assertTrue(figures.get(0).difference().isEmpty() && figures.get(0).atUniform().isEmpty());
    }

    @Test
    void onlyWindowsThatBothHaveAreCompared() {
        List<AblationRow> rows = List.of(row(0, "a", null, true, 0, 4, 2), row(0, "a", null, true, 2, 4, 2), 
                row(1, "b", "a", true, 1, 4, 9), row(1, "b", "a", true, 2, 4, 3));
        AblationFigures second = AblationFigures.of(rows).get(1);
        assertEquals(1, second.difference().orElseThrow().nats(), 1e-12);
        assertEquals(1, second.difference().orElseThrow().windows());
        assertEquals(2, second.windows());
        assertTrue(AblationFigures.of(List.of(rows.get(0), rows.get(2))).get(1).difference().isEmpty());
    }

    @Test
    void aWindowThatTookLongDoesNotMoveTheTime() {
        List<AblationRow> rows = new ArrayList<>();
        for (int window = 0; window < 5; window++) {
            rows.add(new AblationRow(0, "rank", "a", null, "a", "fixed", true, "full", window,
                    new PerplexityRow(1, SCORED, SCORED, 4, 1, window == 3 ? 1e6 : 200)));
        }
        assertEquals(2, AblationFigures.of(rows).getFirst().msPerToken(), 1e-12);
    }

    private static AblationRow row(int place, String name, String reference, boolean uniform, int window, double components, double nll) {
        return new AblationRow(place, "rank", name, reference, name, "fixed", uniform, "full", window,
                new PerplexityRow(nll * SCORED, SCORED, SCORED + 1, components, 1, 1));
    }
}
