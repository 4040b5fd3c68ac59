package io.chunkwise.tornado;

import static io.chunkwise.model.fixtures.LogitAgreement.assertAgrees;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.fixtures.ScalarForward;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.LlamaWeights;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.tornado.device.DeviceWeights;
import io.chunkwise.tornado.device.StackedWeight;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.device.WeightLayout;
import io.chunkwise.tornado.graph.DirectFill;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Random weights that kernels make are those that the host makes. */
class RandomWeightsTest {
    private static final LlamaConfig CONFIG = SyntheticLlama.config(96, 3, 3, 1, 160, 70, 64);
    private static final ExecutorOptions OPTIONS = new ExecutorOptions(64, 5, KvReservation.full(64), Optional.empty(), 1, Progress.NONE)
            .with(AdapterExecution.EXACT);

    @ParameterizedTest
    @CsvSource({"F32, false", "F16, false", "F16, true", "BF16, false", "Q8_0, false", "Q4_0, false", "Q4_0, true"})
    void kernelsAsPlainJavaMakeTheBytesOfTheHost(TensorType type, boolean grouped) {
        WeightLayout layout = new WeightLayout(grouped, grouped);
        try (LlamaModel model = SyntheticLlama.model(CONFIG, type, 5)) {
            DeviceWeights weights = new DeviceWeights(CONFIG, model.weights(), layout, Progress.NONE);
            assertEquals(WeightRole.ADAPTABLE.size() + 1, weights.fills().size(), "weights that are made by kernels");
            DirectFill.all(weights);
            for (WeightRole role : List.of(WeightRole.EMBEDDING, WeightRole.KEY, WeightRole.DOWN)) {
                int layers = role.isPerLayer() ? CONFIG.layers() : 1;
                StackedWeight copied = StackedWeight.of("copied", IntStream.range(0, layers)
                        .mapToObj(layer -> model.weights().get(role, layer)).toList(), layout);
                List<TornadoNativeArray> expected = copied.arrays();
                List<TornadoNativeArray> made = weights.get(role).arrays();
                for (int i = 0; i < expected.size(); i++) {
                    assertEquals(-1, expected.get(i).getSegment().mismatch(made.get(i).getSegment()), role + ", array " + i
                            + ": first byte that differs");
                }
            }
        }
    }

    @Tag("tornado")
    @ParameterizedTest
    @EnumSource(TensorType.class)
    void theDeviceComputesWithTheWeightsOfTheHost(TensorType type) {
        try (LlamaModel model = SyntheticLlama.model(CONFIG, type, 5);
                TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, OPTIONS, TestDevice.best())) {
            Adapter adapter = SyntheticLlama.adapter(CONFIG, 5, 2);
            executor.attach(Optional.of(adapter));
            TokenBatch batch = TokenBatch.uniform(new int[] {3, 69, 0, 12, 50}, 0, new float[] {0.5f});
            // The host has made nothing yet; the oracle makes it.
            ScalarForward oracle = new ScalarForward(model, 64);
            oracle.attach(Optional.of(adapter));
            assertAgrees(oracle.run(batch), executor.run(batch, new OutputRequest.AllLogits()), 5e-5, type + " made on the device");
        }
    }

    /** Arrays that are large enough to be emptied on the host after the upload; then an adapter wants new task graphs. */
    @Tag("tornado")
    @ParameterizedTest
    @EnumSource(value = TensorType.class, names = {"F16", "Q8_0"})
    void weightsThatTheHostHasLeftAreUploadedAgain(TensorType type) {
        LlamaConfig config = SyntheticLlama.config(512, 2, 4, 2, 1536, 300, 64);
        try (LlamaModel random = SyntheticLlama.model(config, type, 5)) {
            LlamaWeights stored = LlamaWeights.collect("stored", config, (role, layer) -> {
                TensorView tensor = random.weights().get(role, layer);
                return new TensorView(tensor.name(), tensor.type(), tensor.shape(), tensor.data());
            });
            LlamaModel model = new LlamaModel(random.source(), config, random.tokenizer(), stored, random.memory());
            assertEquals(List.of(), new DeviceWeights(config, stored, WeightLayout.THREADED, Progress.NONE).fills(),
                    "weights that are made by kernels");
            try (TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, OPTIONS, TestDevice.best())) {
                ScalarForward oracle = new ScalarForward(model, 64);
                for (int rank : new int[] {2, 9}) {
                    Adapter adapter = SyntheticLlama.adapter(config, rank, 2);
                    executor.attach(Optional.of(adapter));
                    oracle.attach(Optional.of(adapter));
                    TokenBatch batch = TokenBatch.uniform(new int[] {3, 299, 0}, 0, new float[] {0.5f});
                    assertAgrees(oracle.run(batch), executor.run(batch, new OutputRequest.AllLogits()), 5e-5, type + " with rank " + rank);
                }
            }
        }
    }
}
