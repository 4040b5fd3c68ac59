package io.chunkwise.benchmark;

import java.util.ArrayList;
import java.util.List;

/**
 * What is timed, named as llama-bench names it.
 *
 * @param tokens that are read in as few passes as they fit, or written in a pass each
 */
public record SpeedTest(Kind kind, int tokens) {

    public enum Kind { PREFILL, DECODE }

    public SpeedTest {
        if (tokens < 1) {
            throw new IllegalArgumentException(tokens + " tokens are nothing to measure");
        }
    }

    /** "pp128" (prompt processing), "tg32" (text generation). */
    public String word() {
        return (kind == Kind.PREFILL ? "pp" : "tg") + tokens;
    }

    /** @param promptTokens of prefills, @param newTokens of decodes; 0 means none in either */
    public static List<SpeedTest> matrix(List<Integer> promptTokens, List<Integer> newTokens) {
        List<SpeedTest> tests = new ArrayList<>();
        promptTokens.stream().filter(tokens -> tokens != 0).forEach(tokens -> tests.add(new SpeedTest(Kind.PREFILL, tokens)));
        newTokens.stream().filter(tokens -> tokens != 0).forEach(tokens -> tests.add(new SpeedTest(Kind.DECODE, tokens)));
        return tests.stream().distinct().toList();
    }
}
