package io.chunkwise.runner.report.page;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Result.Chunk;
import io.chunkwise.runner.report.results.Result.Token;
import io.chunkwise.runner.report.results.Source;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BoundariesTest {

    @Test
    void aFadeGoesFromTheRungBeforeToItsOwn() {
        // Rung 4, then 8 over a window of three rows, then a chunk that ends before it has its rung.
        Result.Trace trace = trace(new double[] {4, 4, 5, 6, 7, 8, 8, 7, 6}, 2, 7, 9);
        double unknown = Double.NaN;
        assertArrayEquals(new double[] {unknown, unknown, .25, .5, .75, 1, 1, unknown, unknown}, values(9, Boundaries.fades(trace)), 1e-12);
    }

    @Test
    void equalScoresShareTheirPercentile() {
        List<Token> tokens = DoubleTokens.of(3, 1, 3, Double.NaN, 2);
        assertArrayEquals(new double[] {75, 12.5, 75, Double.NaN, 37.5}, values(5, Boundaries.percentiles(tokens)), 1e-12);
        assertEquals(Double.NaN, Boundaries.percentiles(DoubleTokens.of(Double.NaN)).applyAsDouble(0));
    }

    private static double[] values(int count, IntToDoubleFunction of) {
        return IntStream.range(0, count).mapToDouble(of::applyAsDouble).toArray();
    }

    /** @param ends of the chunks */
    private static Result.Trace trace(double[] components, int... ends) {
        List<Chunk> chunks = IntStream.range(0, ends.length)
                .mapToObj(at -> new Chunk(at == 0 ? 0 : ends[at - 1], ends[at], "band", "rung", Double.NaN, "full")).toList();
        return new Result.Trace(new Source("x", "score", Map.of()), Arrays.stream(components)
                .mapToObj(one -> new Token(Double.NaN, one)).toList(), chunks, Double.NaN, 0, 0);
    }

    private static final class DoubleTokens {
        static List<Token> of(double... scores) {
            return Arrays.stream(scores).mapToObj(score -> new Token(score, 0)).toList();
        }
    }
}
