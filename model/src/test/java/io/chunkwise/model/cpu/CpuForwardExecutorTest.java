package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.fixtures.ForwardExecutorContract;
import io.chunkwise.model.fixtures.ModelCase;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract's models are small: without a word, none of them would meet a vector kernel. */
class CpuForwardExecutorTest implements ForwardExecutorContract {

    @Override
    public ForwardExecutorProvider provider() {
        return new CpuExecutorProvider(CpuExecutorProvider.Plain.NEVER);
    }

    @Nested
    class WithoutVectors implements ForwardExecutorContract {
        @Override
        public ForwardExecutorProvider provider() {
            return new CpuExecutorProvider(CpuExecutorProvider.Plain.ALWAYS);
        }
    }

    @Nested
    class Unfused implements ForwardExecutorContract {
        @Override
        public ForwardExecutorProvider provider() {
            return new CpuExecutorProvider(CpuExecutorProvider.Plain.NEVER);
        }

        @Override
        public ExecutorOptions options() {
            return ForwardExecutorContract.super.options().with(new AdapterExecution(Optional.of(TensorType.F32), false));
        }
    }

    @Nested
    @EnabledIf("io.chunkwise.model.cpu.IntegerProjection#isSupported")
    class IntegerActivations implements ForwardExecutorContract {
        @Override
        public ForwardExecutorProvider provider() {
            return new CpuExecutorProvider(CpuExecutorProvider.Plain.NEVER);
        }

        @Override
        public ExecutorOptions options() {
            return ForwardExecutorContract.super.options().with(ActivationFormat.INTEGER);
        }

        /** Beside Q8_0 weights, an activation of a few rows is off by a percent of a typical one, at each of a dozen projections. */
        @Override
        public double tolerance() {
            return 0.08;
        }
    }

    // A method that the compiler has got hold of meanwhile must not add up in another order.
    @ParameterizedTest
    @EnumSource(TensorType.class)
    void theSamePassGivesTheSameBitsHoweverOftenItRuns(TensorType type) {
        try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(96, 2, 4, 2, 352, 65, 64), type, 1);
                ForwardExecutor executor = provider().open(model, options(64, 20, 2))) {
            Adapter adapter = SyntheticLlama.adapter(model.config(), 5, 1);
            executor.attach(Optional.of(adapter));
            for (int[] tokens : new int[][] {{3}, {1, 2}, {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}}) {
                TokenBatch batch = TokenBatch.uniform(tokens, 0, new float[] {0.7f});
                float[] first = logits(executor, batch);
                for (int i = 1; i <= 400; i++) {
                    assertArrayEquals(first, logits(executor, batch), tokens.length + " rows, run " + i);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void theNumberOfThreadsDoesNotChangeABit(TensorType type) {
        try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(96, 2, 4, 2, 352, 513, 64), type, 1);
                ForwardExecutor one = provider().open(model, options(64, 40, 1));
                ForwardExecutor five = provider().open(model, options(64, 40, 5))) {
            Adapter adapter = SyntheticLlama.adapter(model.config(), 17, 1);
            one.attach(Optional.of(adapter));
            five.attach(Optional.of(adapter));
            for (int rows : new int[] {1, 3, 17, 40}) {
                TokenBatch batch = TokenBatch.uniform(new int[rows], 0, new float[] {1});
                assertArrayEquals(logits(one, batch), logits(five, batch), rows + " rows");
            }
        }
    }

    @Test
    @EnabledIf("io.chunkwise.model.cpu.IntegerProjection#isSupported")
    void activationsThatAreLeftToItAreIntegersBesideQuantizedWeightsOnly() {
        ExecutorOptions auto = options(64, 20, 2).with(ActivationFormat.AUTO);
        for (TensorType type : TensorType.values()) {
            try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(96, 2, 4, 2, 352, 65, 64), type, 1);
                    ForwardExecutor vectors = provider().open(model, auto);
                    ForwardExecutor plain = new CpuExecutorProvider(CpuExecutorProvider.Plain.ALWAYS).open(model, auto)) {
                assertEquals(type.isQuantized() ? ActivationFormat.INTEGER : ActivationFormat.FLOAT, vectors.activations(), type.name());
                assertEquals(ActivationFormat.FLOAT, plain.activations(), type.name());
            }
        }
    }

    @Test
    @EnabledIf("io.chunkwise.model.cpu.IntegerProjection#isSupported")
    void executorsOverAModelShareItsPackedWeightsUntilTheLastOneCloses() {
        ForwardExecutorProvider provider = provider();
        ExecutorOptions integers = options(64, 20, 2).with(ActivationFormat.INTEGER);
        try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(96, 2, 4, 2, 352, 65, 64), TensorType.Q8_0, 1)) {
            ForwardExecutor first = provider.open(model, integers);
            TokenBatch batch = TokenBatch.uniform(new int[] {3}, 0, new float[0]);
            float[] expected = logits(first, batch);
            ForwardExecutor second = provider.open(model, integers);
            first.close();
            first.close(); // again: the second one's weights stay
            assertArrayEquals(expected, logits(second, batch));
            second.close();
            try (ForwardExecutor third = provider.open(model, integers)) {
                assertArrayEquals(expected, logits(third, batch));
            }
        }
    }

    @Test
    @EnabledIf("io.chunkwise.model.cpu.IntegerProjection#isSupported")
    void promptsMeetTheSameBitsWithPackedWeights() {
        try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(96, 2, 4, 2, 352, 65, 64), TensorType.Q4_0, 1);
                ForwardExecutor floats = provider().open(model, options(64, 20, 2));
                ForwardExecutor integers = provider().open(model, options(64, 20, 2).with(ActivationFormat.INTEGER))) {
            TokenBatch batch = TokenBatch.uniform(new int[] {1, 2, 3, 4, 5, 6, 7}, 0, new float[0]);
            assertArrayEquals(logits(floats, batch), logits(integers, batch));
        }
    }

    @ParameterizedTest
    @CsvSource({"F32, F32", "F16, F16", "BF16, F16", "Q8_0, Q8_0", "Q4_0, Q4_0"})
    void componentsAreAsExactAsTheWeightsUnlessAskedForOtherwise(TensorType weights, TensorType components) {
        ExecutorOptions options = ExecutorOptions.withContext(64);
        try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(96, 2, 4, 2, 352, 65, 64), weights, 1);
                ForwardExecutor byDefault = provider().open(model, options);
                ForwardExecutor asked = provider().open(model, options.with(new AdapterExecution(Optional.of(components), true)));
                ForwardExecutor exact = provider().open(model, options.with(AdapterExecution.EXACT))) {
            Adapter adapter = SyntheticLlama.adapter(model.config(), 40, 2);
            for (ForwardExecutor executor : List.of(byDefault, asked, exact)) {
                executor.attach(Optional.of(adapter));
            }
            TokenBatch batch = TokenBatch.uniform(new int[] {1, 2, 3, 4, 5, 6, 7}, 0, new float[] {1});
            float[] logits = logits(byDefault, batch);
            assertEquals(components, byDefault.componentType(weights));
            assertArrayEquals(logits(asked, batch), logits);
            assertEquals(components == TensorType.F32, Arrays.equals(logits(exact, batch), logits), "F32 and nothing else is exact");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    @EnabledIf("io.chunkwise.model.cpu.IntegerProjection#isSupported")
    void integersBesideAnAdapterDependNeitherOnThreadsNorOnRowsBeside(TensorType type) {
        ExecutorOptions alone = options(64, 20, 1).with(ActivationFormat.INTEGER);
        try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(96, 2, 4, 2, 352, 513, 64), type, 1);
                ForwardExecutor one = provider().open(model, alone);
                ForwardExecutor five = provider().open(model, options(64, 20, 5).with(ActivationFormat.INTEGER))) {
            for (int rank : new int[] {5, 40}) { // the second one's up halves are packed, too
                Adapter adapter = SyntheticLlama.adapter(model.config(), rank, 1);
                one.attach(Optional.of(adapter));
                five.attach(Optional.of(adapter));
                float[] together = logits(five, TokenBatch.uniform(new int[] {7, 8, 9}, 0, new float[] {0.7f}));
                float[] last = null;
                for (int token = 7; token < 10; token++) {
                    last = logits(one, TokenBatch.uniform(new int[] {token}, token - 7, new float[] {0.7f}));
                }
                assertArrayEquals(last, Arrays.copyOfRange(together, together.length - last.length, together.length), rank + " components");
                one.attach(Optional.empty());
                float[] without = logits(one, TokenBatch.uniform(new int[] {9}, 2, new float[0]));
                assertFalse(Arrays.equals(last, without), "the adapter does something");
            }
        }
    }

    @Test
    void aLongContextCostsNothingUntilItIsUsed() {
        try (LlamaModel model = ModelCase.small().open();
                ForwardExecutor executor = provider().open(model, options(1 << 27, 1 << 20, 2))) {
            assertTrue(logits(executor, TokenBatch.uniform(new int[] {1}, 0, new float[0])).length > 0);
        }
    }

    @Test
    void buffersThatNoArrayCouldHoldAreRefused() {
        try (LlamaModel model = ModelCase.small().open()) {
            String message = assertThrows(ExecutorException.class, () -> provider().open(model,
                    options(1 << 30, 1 << 30, 2)).close()).getMessage();
            assertTrue(message.contains("row capacity 1073741824") && message.contains("at most"), message);
        }
    }

    private static float[] logits(ForwardExecutor executor, TokenBatch batch) {
        return ((PassOutput.Logits) executor.run(batch, new OutputRequest.AllLogits())).values();
    }

    private static ExecutorOptions options(int context, int rows, int threads) {
        return new ExecutorOptions(context, rows, KvReservation.full(context), Optional.empty(), threads, Progress.NONE);
    }
}
