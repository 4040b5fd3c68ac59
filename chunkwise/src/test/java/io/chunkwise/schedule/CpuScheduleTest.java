package io.chunkwise.schedule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.Ladders;
import io.chunkwise.fixtures.Texts;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.cpu.CpuExecutorProvider;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.score.Score;
import io.chunkwise.score.Scorer;
import io.chunkwise.selection.RungSelector;
import io.chunkwise.trace.ChunkTrace;
import io.chunkwise.trace.SequenceTrace;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The scheduler over the real executor of this machine, and a random model. */
class CpuScheduleTest {
    private static final LlamaConfig CONFIG = SyntheticLlama.config(32, 3, 4, 2, 48, 60, 4096);
    private static final OutputRequest LOGITS = new OutputRequest.LastLogits();

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64})
    void aUniformPolicyIsPlainLoraBitForBit(int rowCapacity) {
        int[] prompt = Texts.tokens(1, 150, CONFIG.vocabSize());
        Adapter adapter = SyntheticLlama.adapter(CONFIG, 6, 2);
        try (LlamaModel model = SyntheticLlama.model(CONFIG, TensorType.F32, 3);
                ForwardExecutor executor = open(model, 256, rowCapacity, new KvPolicy.Full(), ChunkPolicy.uniformMax())) {
            executor.attach(Optional.of(adapter));
            float[][] plain = new float[60][];
            PassOutput output = null;
            for (int from = 0; from < prompt.length; from += rowCapacity) {
                output = executor.run(TokenBatch.uniform(Arrays.copyOfRange(prompt, from, Math.min(prompt.length, from + rowCapacity)),
                        from, new float[] {1}), LOGITS);
            }
            for (int i = 0; i < plain.length; i++) {
                plain[i] = logits(output);
                output = executor.run(TokenBatch.uniform(new int[] {largest(plain[i])}, prompt.length + i, new float[] {1}), LOGITS);
            }
            executor.attach(Optional.empty());

            ChunkScheduler scheduler = scheduler(executor, ChunkPolicy.uniformMax(), new KvPolicy.Full(), adapter);
            PassOutput scheduled = scheduler.read(prompt, LOGITS, PassListener.NONE);
            for (int i = 0; i < plain.length; i++) {
                assertArrayEquals(plain[i], logits(scheduled), "logits of new token " + i);
                scheduler.decide(largest(plain[i]));
                scheduled = scheduler.run(LOGITS);
            }
        }
    }

    @Test
    void scoresUnderAUniformPolicyArePlainLorasBitForBit() {
        int[] text = Texts.tokens(4, 300, CONFIG.vocabSize());
        Adapter adapter = SyntheticLlama.adapter(CONFIG, 6, 2);
        try (LlamaModel model = SyntheticLlama.model(CONFIG, TensorType.F32, 3);
                ForwardExecutor executor = open(model, 100, 32, new KvPolicy.Full(), ChunkPolicy.uniformMax())) {
            Score score = new Scorer(scheduler(executor, ChunkPolicy.uniformMax(), new KvPolicy.Full(), adapter)).score(text, 100, 0,
                    Progress.NONE);
            for (int start = 0; start < text.length; start += 100) {
                for (int from = start; from < start + 100; from += 32) {
                    int[] rows = Arrays.copyOfRange(text, from, Math.min(start + 100, from + 32));
                    PassOutput output = executor.run(TokenBatch.uniform(rows, from - start, new float[] {1}),
                            new OutputRequest.AllLogits());
                    float[] logits = ((PassOutput.Logits) output).values();
                    for (int row = 0; row < rows.length && from + row + 1 < start + 100; row++) {
                        float[] of = Arrays.copyOfRange(logits, row * CONFIG.vocabSize(), (row + 1) * CONFIG.vocabSize());
                        double max = of[largest(of)];
                        double sum = 0;
                        for (float logit : of) {
                            sum += Math.exp(logit - max);
                        }
                        assertEquals(of[text[from + row + 1]] - (max + Math.log(sum)),
                                score.tokens().get(from + row + 1).logprob().orElseThrow(),
                                "log-probability of token " + (from + row + 1));
                    }
                }
            }
            assertEquals(6, score.cost().meanComponents());
            assertEquals(3 * 7 * KvPage.TOKENS * KvFormat.FULL.bytesPerToken(CONFIG, KvType.F32), score.cost().kvBytesPeak(),
                    "seven pages in three layers");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"full", "q8", "adaptive", "window:150"})
    void chunksRungsAndFormatsAreTheSameHoweverATextArrives(String kv) {
        int[] text = Texts.tokens(5, 500, CONFIG.vocabSize());
        ChunkPolicy policy = ChunkPolicy.adaptive();
        KvPolicy kvPolicy = KvPolicy.parse(kv, new KvBounds(48, 0.02, 0.001));
        try (LlamaModel model = SyntheticLlama.model(CONFIG, TensorType.F32, 3);
                ForwardExecutor executor = open(model, kvPolicy.endless() ? 256 : 512, 64, kvPolicy, policy)) {
            RungSelector selector = RungSelector.of(policy, Ladders.ladder(CONFIG, 40, 2));
            ChunkScheduler scheduler = new ChunkScheduler(executor,
                    new ChunkScheduler.Setup(CONFIG, 0, policy, kvPolicy, List.of(new AdapterUse(0, selector)), true));
            float[] atOnce = logits(scheduler.read(text, LOGITS, PassListener.NONE));
            scheduler.finish();
            SequenceTrace expected = scheduler.trace();
            scheduler.reset();
            float[] oneByOne = null;
            for (int token : text) {
                scheduler.decide(token);
                oneByOne = logits(scheduler.run(LOGITS));
            }
            scheduler.finish();
            SequenceTrace actual = scheduler.trace();
            assertTrue(expected.chunks().size() > 10, expected.chunks().size() + " chunks");
            for (int i = 0; i < expected.chunks().size(); i++) {
                assertEquals(decided(expected.chunks().get(i)), decided(actual.chunks().get(i)), kv + ", chunk " + i);
            }
            for (int id = 0; id < CONFIG.vocabSize(); id++) {
                assertEquals(atOnce[id], oneByOne[id], 1e-3f, kv + ", logit " + id); // sums in another order, through caches of few bits
            }
            assertEquals(expected.memory().kvBytes(), actual.memory().kvBytes());
            boolean saves = expected.memory().kvBytes() < expected.memory().kvBytesFull();
            assertEquals(!kv.equals("full"), saves, kv + " keeps " + expected.memory().kvBytes() + " of "
                    + expected.memory().kvBytesFull());
        }
    }

    /** A chunk without what was measured, which is subject to rounding. */
    private static ChunkTrace decided(ChunkTrace chunk) {
        return new ChunkTrace(chunk.start(), chunk.end(), chunk.band(), chunk.bandIndex(), chunk.bands(), chunk.rung(),
                chunk.meanComponents(), chunk.scale(), chunk.kvFormat(), chunk.kvPages(), 0, chunk.adapter());
    }

    @Test
    void aWindowReadsAndWritesFarBeyondTheContext() {
        try (LlamaModel model = SyntheticLlama.model(CONFIG, TensorType.F32, 3);
                ForwardExecutor executor = open(model, 192, 64, new KvPolicy.Window(100), ChunkPolicy.adaptive())) {
            ChunkPolicy policy = ChunkPolicy.adaptive();
            ChunkScheduler scheduler = new ChunkScheduler(executor, new ChunkScheduler.Setup(CONFIG, policy, new KvPolicy.Window(100),
                    RungSelector.of(policy, Ladders.ladder(CONFIG, 40, 2))));
            float[] logits = logits(scheduler.read(Texts.tokens(6, 1000, CONFIG.vocabSize()), LOGITS, PassListener.NONE));
            for (int i = 0; i < 1000; i++) {
                scheduler.decide(largest(logits));
                logits = logits(scheduler.run(LOGITS));
                assertTrue(Float.isFinite(logits[0]), "logit of token " + scheduler.tokens());
            }
            assertEquals(2000, scheduler.tokens());
            assertTrue(scheduler.cost().kvBytesPeak() <= 3L * 192 * KvFormat.FULL.bytesPerToken(CONFIG, KvType.F32));
        }
    }

    private static ForwardExecutor open(LlamaModel model, int context, int rowCapacity, KvPolicy kv, ChunkPolicy policy) {
        return new CpuExecutorProvider().open(model, new ExecutorOptions(context, rowCapacity, kv.reservation(policy, context, rowCapacity),
                Optional.empty(), 1, Progress.NONE));
    }

    private static ChunkScheduler scheduler(ForwardExecutor executor, ChunkPolicy policy, KvPolicy kv, Adapter adapter) {
        return new ChunkScheduler(executor, new ChunkScheduler.Setup(CONFIG, policy, kv, RungSelector.plain(policy, adapter)));
    }

    private static float[] logits(PassOutput output) {
        return ((PassOutput.Logits) output).values();
    }

    private static int largest(float[] logits) {
        int best = 0;
        for (int id = 1; id < logits.length; id++) {
            best = logits[id] > logits[best] ? id : best;
        }
        return best;
    }
}
