package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.model.Progress;
import io.chunkwise.model.fixtures.KvPagesContract;
import io.chunkwise.model.fixtures.ModelCase;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.kv.KvUsage;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class CpuKvPagesTest implements KvPagesContract {

    @Override
    public ForwardExecutorProvider provider() {
        return new CpuExecutorProvider(CpuExecutorProvider.Plain.NEVER);
    }

    @Nested
    class InF16 implements KvPagesContract {
        @Override
        public ForwardExecutorProvider provider() {
            return CpuKvPagesTest.this.provider();
        }

        @Override
        public KvType type() {
            return KvType.F16;
        }
    }

    @Nested
    class WithoutVectors implements KvPagesContract {
        @Override
        public ForwardExecutorProvider provider() {
            return new CpuExecutorProvider(CpuExecutorProvider.Plain.ALWAYS);
        }
    }

    @Test
    void whatAPageGivesUpIsNotAllocatedAnyMore() {
        // Heads of 64 need no padding.
        try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(128, 2, 2, 1, 64, 33, 64), TensorType.F32, 1);
                ForwardExecutor executor = open(model, 2)) {
            assertEquals(0, executor.kv().usage().allocatedBytes(), "before the first pass");
            fill(executor, 70);
            long full = 2 * 16 * 64 * 4;
            assertEquals(10 * full, executor.kv().usage().allocatedBytes(), "5 pages of 2 layers");
            executor.kv().store(List.of(new KvPage(0, 0), new KvPage(1, 3)), KvFormat.Q8);
            executor.kv().store(List.of(new KvPage(0, 1)), KvFormat.Q4);
            executor.kv().store(List.of(new KvPage(0, 2), new KvPage(1, 2)), KvFormat.EVICTED);
            long q8 = 2 * 16 * (64 + 4);
            long q4 = 2 * 16 * (32 + 4);
            assertEquals(new KvUsage(5 * full, 2 * q8, q4, 5 * full + 2 * q8 + q4), executor.kv().usage());
            executor.kv().store(List.of(new KvPage(0, 0), new KvPage(0, 1)), KvFormat.EVICTED);
            assertEquals(new KvUsage(5 * full, q8, 0, 5 * full + q8), executor.kv().usage());
            run(executor, 1, 16);
            assertEquals(3 * full, executor.kv().usage().allocatedBytes(), "one page of layer 0, two of layer 1");
        }
    }

    @Test
    void theSamePagesGiveTheSameBitsHoweverOftenTheyAreRead() {
        try (LlamaModel model = ModelCase.heads().toList().getFirst().open(); ForwardExecutor executor = open(model, 2)) {
            fill(executor, 100);
            mix(executor, model.config().layers());
            for (int rows : new int[] {1, 17}) {
                float[] first = run(executor, rows, 100);
                for (int i = 1; i <= 300; i++) {
                    assertArrayEquals(first, run(executor, rows, 100), rows + " rows, run " + i);
                }
            }
        }
    }

    @Test
    void theNumberOfThreadsDoesNotChangeABit() {
        try (LlamaModel model = ModelCase.heads().toList().getFirst().open(); ForwardExecutor one = open(model, 1);
                ForwardExecutor five = open(model, 5)) {
            List<KvPage> pages = new ArrayList<>();
            for (int page = 0; page < 6; page++) {
                pages.add(new KvPage(page % 3, page));
            }
            for (ForwardExecutor executor : List.of(one, five)) {
                fill(executor, 100);
            }
            assertEquals(one.kv().measure(pages), five.kv().measure(pages));
            mix(one, model.config().layers());
            mix(five, model.config().layers());
            for (int rows : new int[] {1, 17}) {
                assertArrayEquals(run(one, rows, 100), run(five, rows, 100), rows + " rows");
            }
        }
    }

    private ForwardExecutor open(LlamaModel model, int threads) {
        return provider().open(model, new ExecutorOptions(150, 100, new KvReservation(1, 1, 1), Optional.empty(), threads, Progress.NONE));
    }

    private static void fill(ForwardExecutor executor, int length) {
        run(executor, length, 0);
    }

    private static float[] run(ForwardExecutor executor, int rows, int position) {
        TokenBatch batch = TokenBatch.uniform(new Random(position).ints(rows, 0, 33).toArray(), position, new float[0]);
        return ((PassOutput.Logits) executor.run(batch, new OutputRequest.AllLogits())).values();
    }

    private static void mix(ForwardExecutor executor, int layers) {
        KvFormat[] formats = KvFormat.values();
        for (int layer = 0; layer < layers; layer++) {
            for (int page = 0; page < 6; page++) {
                executor.kv().store(List.of(new KvPage(layer, page)), formats[(layer + page) % 4]);
            }
        }
    }
}
