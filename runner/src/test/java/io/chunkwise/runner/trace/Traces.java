package io.chunkwise.runner.trace;

import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.trace.ChunkTrace;
import io.chunkwise.trace.KvTrace;
import io.chunkwise.trace.SequenceTrace;
import io.chunkwise.trace.TokenTrace;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Traces of sequences that never ran, with numbers that look as if they had. */
final class Traces {
    static final int MOST_COMPONENTS = 32;
    private static final String[] BANDS = {"easy", "medium", "hard"};
    private static final int[] RUNGS = {0, 8, 32};
    private static final long TOKEN_BYTES = 5 * 2 * 4 * 8 * 4;

    private Traces() {
    }

    /** A seeded random trace; chunks of 8 to 48 tokens, the first tenth is given, the attention signal is off. */
    static SequenceTrace random(int tokens, long seed) {
        Random random = new Random(seed);
        List<TokenTrace> traced = new ArrayList<>();
        List<ChunkTrace> chunks = new ArrayList<>();
        List<KvTrace> kv = new ArrayList<>();
        long bytes = 0;
        float novelty = 1;
        for (int start = 0; start < tokens;) {
            int end = Math.min(tokens, start + 8 + random.nextInt(41));
            int band = random.nextInt(BANDS.length);
            for (int i = start; i < end; i++) {
                float target = (band + random.nextFloat()) / BANDS.length;
                novelty += 0.2f * (target - novelty);
                float entropy = Math.clamp(target + 0.2f * (float) random.nextGaussian(), 0, 1);
                float prior = (float) Math.exp(-i / 64.0);
                float components = i - start < 4 && start > 0 ? (RUNGS[band] + traced.get(start - 1).components()) / 2 : RUNGS[band];
                traced.add(new TokenTrace(i, i % 512, i >= tokens / 10, entropy, novelty, Float.NaN, prior, Float.NaN,
                        (entropy + novelty) / 2, components));
            }
            KvFormat format = end > tokens - 128 ? KvFormat.FULL : KvFormat.values()[random.nextInt(3)];
            Map<KvFormat, Integer> pages = new EnumMap<>(KvFormat.class);
            pages.put(format, 4 * Math.ceilDiv(end - start, 16));
            pages.merge(KvFormat.FULL, 1, Integer::sum);
            double mean = traced.subList(start, end).stream().mapToDouble(TokenTrace::components).average().orElse(0);
            chunks.add(new ChunkTrace(start, end, BANDS[band], band, BANDS.length, RUNGS[band] == 0 ? "off" : RUNGS[band] + "", mean, 1,
                    format, pages, format == KvFormat.FULL ? Double.NaN : 0.02 * random.nextDouble(), "tales"));
            bytes += (end - start) * TOKEN_BYTES / (1L << format.ordinal());
            kv.add(new KvTrace(end, bytes, end * TOKEN_BYTES));
            start = end;
        }
        return new SequenceTrace(traced, chunks, kv,
                new SequenceTrace.Memory(bytes, tokens * TOKEN_BYTES, bytes + 4096, 120_000, 1_040_000));
    }

    /** One chunk of text pieces that a policy without signals decided about. */
    static SequenceTrace uniform(int tokens) {
        List<TokenTrace> traced = new ArrayList<>();
        for (int i = 0; i < tokens; i++) {
            traced.add(new TokenTrace(i, i, i > 0, Float.NaN, Float.NaN, Float.NaN, Float.NaN, Float.NaN, Float.NaN, MOST_COMPONENTS));
        }
        List<ChunkTrace> chunks = tokens == 0 ? List.of() : List.of(new ChunkTrace(0, tokens, "all", 0, 1, "all", MOST_COMPONENTS, 1,
                KvFormat.FULL, Map.of(KvFormat.FULL, 5), Double.NaN, "tales"));
        return new SequenceTrace(traced, chunks, List.of(new KvTrace(tokens, tokens * TOKEN_BYTES, tokens * TOKEN_BYTES)),
                new SequenceTrace.Memory(tokens * TOKEN_BYTES, tokens * TOKEN_BYTES, tokens * TOKEN_BYTES, 120_000, 1_040_000));
    }

    static TraceReport report(SequenceTrace trace, List<String> texts) {
        return new TraceReport("stories260K", List.of("tales"), "adaptive", "adaptive", "cpu", "cpu:0 (a processor)", MOST_COMPONENTS,
                texts, trace);
    }
}
