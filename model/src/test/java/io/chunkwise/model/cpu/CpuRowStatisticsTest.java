package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.chunkwise.model.Progress;
import io.chunkwise.model.fixtures.RowStatisticsContract;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.PassResult;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class CpuRowStatisticsTest implements RowStatisticsContract {

    @Override
    public ForwardExecutorProvider provider() {
        return new CpuExecutorProvider(CpuExecutorProvider.Plain.NEVER);
    }

    @Nested
    class WithoutVectors implements RowStatisticsContract {
        @Override
        public ForwardExecutorProvider provider() {
            return new CpuExecutorProvider(CpuExecutorProvider.Plain.ALWAYS);
        }
    }

    /** 5 million logits: too many to be kept at once. */
    @Test
    void logitsThatNobodyAskedForAreComputedInPieces() {
        int rows = 100;
        int vocab = 50_000;
        try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(32, 1, 2, 1, 32, vocab, 128), TensorType.F32, 1);
                ForwardExecutor executor = provider().open(model,
                        new ExecutorOptions(rows, rows, KvReservation.full(rows), Optional.empty(), 2, Progress.NONE))) {
            TokenBatch batch = TokenBatch.uniform(new Random(1).ints(rows, 0, vocab).toArray(), 0, new float[0]);
            PassResult whole = executor.run(batch, new OutputRequest.AllLogits(), Statistics.ALL_ROWS);
            PassResult pieces = executor.run(batch, new OutputRequest.LastLogits(), Statistics.ALL_ROWS);
            assertArrayEquals(whole.statistics().nextTokenEntropy(), pieces.statistics().nextTokenEntropy(), 1e-6f);
            assertArrayEquals(whole.statistics().attentionEntropy(), pieces.statistics().attentionEntropy());
            float[] all = ((PassOutput.Logits) whole.output()).values();
            float[] last = ((PassOutput.Logits) pieces.output()).values();
            assertArrayEquals(Arrays.copyOfRange(all, (rows - 1) * vocab, rows * vocab), last, 1e-5f);
        }
    }
}
