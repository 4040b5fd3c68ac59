package io.chunkwise.tests.agreement;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutors;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.policy.PolicyFile;
import io.chunkwise.policy.RungKind;
import io.chunkwise.policy.SignalKind;
import io.chunkwise.schedule.AdapterUse;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.schedule.PassListener;
import io.chunkwise.selection.RungSelector;
import io.chunkwise.trace.ChunkTrace;
import io.chunkwise.trace.SequenceTrace;
import io.chunkwise.trace.TokenTrace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * The device decides chunk for chunk as the cpu does, and computes logits that agree, under every chunk policy and every KV policy: a
 * prompt in passes of many rows, then rows one by one. The same tokens are given to both, so that one near-tie cannot part them.
 */
interface PolicyAgreementContract {
    int CONTEXT = 320;
    int ROWS = 48;
    int PROMPT = 230;
    int TOKENS = 290;
    KvBounds BOUNDS = new KvBounds(32, 0.03, 0.05);

    /** As the command line says it: one per class, and so one device executor per JVM. */
    String kv();

    @Test
    default void theDeviceDecidesAndComputesAsTheCpuDoes() throws IOException {
        String kv = kv();
        Path data = SharedData.assumePresent("stories260K");
        Path adapter = SharedData.assumePresent("stories260K-lora-shakespeare");
        String text = Files.readString(SharedData.assumePresent("text/tinyshakespeare.txt"));
        // Endless generation goes round a context that is shorter than the text.
        int context = kv.startsWith("window") ? 160 : CONTEXT;
        try (LlamaModel model = ModelFiles.open(data, Progress.NONE)) {
            int[] tokens = Arrays.copyOf(model.tokenizer().encode(text.substring(text.length() - 3000), true), TOKENS);
            RankLadder ladder = LadderBuilder.build(AdapterFiles.open(adapter, model.config(), Progress.NONE), Progress.NONE);
            KvPolicy policy = KvPolicy.parse(kv, BOUNDS);
            try (ForwardExecutor cpu = open("cpu", model, policy, context);
                    ForwardExecutor device = open("tornado", model, policy, context)) {
                Set<KvFormat> formats = EnumSet.noneOf(KvFormat.class);
                for (ChunkPolicy chunks : policies()) {
                    RungSelector selector = RungSelector.of(chunks, ladder);
                    Run expected = run(cpu, model, chunks, policy, selector, tokens);
                    Run actual = run(device, model, chunks, policy, selector, tokens);
                    String what = chunks.name() + " " + chunks.rungs() + " " + chunks.estimation().signals() + ", KV " + kv;
                    assertAgree(expected, actual, what);
                    expected.trace.chunks().forEach(chunk -> formats.addAll(chunk.kvPages().keySet()));
                }
                assertEquals(formatsOf(kv), formats, "formats that occurred under KV " + kv);
            }
        }
    }

    private static Set<KvFormat> formatsOf(String kv) {
        return switch (kv) {
            case "full" -> EnumSet.of(KvFormat.FULL);
            case "q8" -> EnumSet.of(KvFormat.FULL, KvFormat.Q8);
            case "adaptive" -> EnumSet.allOf(KvFormat.class);
            default -> EnumSet.of(KvFormat.FULL, KvFormat.EVICTED);
        };
    }

    private static List<ChunkPolicy> policies() {
        ChunkPolicy adaptive = ChunkPolicy.adaptive();
        ChunkPolicy wide = PolicyFile.parse("wide", """
                signals: {entropy: {weight: 1}, ngram: {weight: 1}, attention: {weight: 1}}
                lagTokens: 16
                bands:
                  - {name: easy, upperPercentile: 40, minTokens: 8, maxTokens: 64, components: 0, kv: [full, q8, q4, evicted]}
                  - {name: medium, upperPercentile: 75, minTokens: 8, maxTokens: 32, components: 6, scale: 1.1, kv: [full, q8, q4]}
                  - {name: hard, upperPercentile: 100, minTokens: 5, maxTokens: 24, components: max, kv: [full, q8]}
                fadeTokens: 8
                """);
        return List.of(adaptive, adaptive.withRungs(RungKind.THRESHOLD), wide, wide.withSignals(EnumSet.of(SignalKind.ENTROPY)).withFade(0),
                wide.withBudget(4), ChunkPolicy.uniform(8), ChunkPolicy.uniform(0), ChunkPolicy.uniformMax());
    }

    record Run(SequenceTrace trace, List<float[]> logits) {
    }

    private static ForwardExecutor open(String name, LlamaModel model, KvPolicy kv, int context) {
        return ForwardExecutors.load().choose(name, Optional.empty()).provider().open(model, new ExecutorOptions(context, ROWS,
                kv.reservation(ChunkPolicy.adaptive(), context, ROWS), Optional.empty(), 0, Progress.NONE));
    }

    private static Run run(ForwardExecutor executor, LlamaModel model, ChunkPolicy policy, KvPolicy kv, RungSelector selector,
            int[] tokens) {
        ChunkScheduler scheduler = new ChunkScheduler(executor, new ChunkScheduler.Setup(model.config(), 0, policy, kv,
                List.of(new AdapterUse(0, selector)), true));
        List<float[]> logits = new ArrayList<>();
        logits.add(logits(scheduler.read(Arrays.copyOf(tokens, PROMPT), new OutputRequest.LastLogits(), PassListener.NONE)));
        for (int t = PROMPT; t < tokens.length; t++) {
            scheduler.decide(tokens[t]);
            logits.add(logits(scheduler.run(new OutputRequest.LastLogits())));
        }
        scheduler.finish();
        return new Run(scheduler.trace(), logits);
    }

    private static float[] logits(PassOutput output) {
        return ((PassOutput.Logits) output).values();
    }

    private static String decisions(ChunkTrace chunk) {
        return chunk.start() + "-" + chunk.end() + " " + chunk.band() + ", rung " + chunk.rung() + ", scale " + chunk.scale() + ", "
                + chunk.kvPages();
    }

    private static void assertAgree(Run expected, Run actual, String what) {
        assertEquals(expected.trace.chunks().size(), actual.trace.chunks().size(), what + ": chunks");
        for (int i = 0; i < expected.trace.chunks().size(); i++) {
            ChunkTrace cpu = expected.trace.chunks().get(i);
            ChunkTrace device = actual.trace.chunks().get(i);
            String which = what + ": chunk " + i;
            assertEquals(decisions(cpu), decisions(device), which);
            assertEquals(cpu.linearizationError(), device.linearizationError(), 1e-3, which + ": linearization error");
            assertEquals(cpu.meanComponents(), device.meanComponents(), 1e-6, which + ": components");
        }
        for (int t = 0; t < expected.trace.tokens().size(); t++) {
            TokenTrace cpu = expected.trace.tokens().get(t);
            TokenTrace device = actual.trace.tokens().get(t);
            assertEquals(cpu.score(), device.score(), 1e-4, what + ": score of token " + t);
            assertEquals(cpu.components(), device.components(), 1e-6, what + ": components of token " + t);
        }
        assertEquals(expected.trace.memory().kvBytes(), actual.trace.memory().kvBytes(), what + ": KV bytes");
        // A value that lies between two steps of a quantized format may be rounded up by one and down by the other.
        double tolerance = expected.trace.chunks().stream().anyMatch(chunk -> chunk.kvPages().containsKey(KvFormat.Q4)) ? 0.02
                : expected.trace.chunks().stream().anyMatch(chunk -> chunk.kvPages().containsKey(KvFormat.Q8)) ? 2e-3 : 2e-4;
        for (int i = 0; i < expected.logits.size(); i++) {
            for (int id = 0; id < expected.logits.get(i).length; id++) {
                assertEquals(expected.logits.get(i)[id], actual.logits.get(i)[id], tolerance,
                        what + ": logit " + id + " of row " + (PROMPT - 1 + i));
            }
        }
    }
}
