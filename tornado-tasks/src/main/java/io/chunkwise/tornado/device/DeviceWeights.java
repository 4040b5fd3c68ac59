package io.chunkwise.tornado.device;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaWeights;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The base weights as the device gets them: one {@link StackedWeight} per role. Host arrays are filled from the model when they are about
 * to be uploaded, and emptied afterwards, so that beside the device only the model's mapped file holds them. Those of random models
 * are never filled: the device makes its own, see {@link #fills}.
 */
public final class DeviceWeights {
    private final Map<WeightRole, StackedWeight> byRole = new EnumMap<>(WeightRole.class);
    private final FloatArray qkvBias;
    private final List<RandomFill> fills = new ArrayList<>();
    private final List<Copied> copied = new ArrayList<>();
    private final Progress progress;
    private boolean onHost;

    /** Matrices that come from the model. */
    private record Copied(StackedWeight weight, List<TensorView> layers) {
    }

    /**
     * Arrays without content, but for norms and biases.
     *
     * @throws ExecutorException if the layers of a role have different number formats, or one stack is too large
     */
    public DeviceWeights(LlamaConfig config, LlamaWeights weights, WeightLayout layout, Progress progress) {
        this.progress = progress;
        WeightStacking stacking = new WeightStacking(layout);
        for (WeightRole role : WeightRole.values()) {
            if (role.isPresent(config)) {
                List<TensorView> layers = IntStream.range(0, role.isPerLayer() ? config.layers() : 1)
                        .mapToObj(layer -> weights.get(role, layer)).toList();
                byRole.put(role, role.shape(config).size() == 1 ? stacking.vectors(name(role), layers)
                        : matrices(stacking, name(role), layers));
            }
        }
        if (config.tiedOutput()) {
            byRole.put(WeightRole.OUTPUT, byRole.get(WeightRole.EMBEDDING));
        }
        qkvBias = stackBiases(config);
    }

    private FloatArray stackBiases(LlamaConfig config) {
        if (!config.biasedQkv()) {
            return DeviceArrays.floats("no biases", 1);
        }
        int width = config.queryDim() + 2 * config.kvDim();
        FloatArray stack = DeviceArrays.floats("biases of query, key and value", config.layers(), width);
        int from = 0;
        for (WeightRole role : List.of(WeightRole.QUERY_BIAS, WeightRole.KEY_BIAS, WeightRole.VALUE_BIAS)) {
            int some = Math.toIntExact(role.shape(config).get(0));
            for (int layer = 0; layer < config.layers(); layer++) {
                for (int i = 0; i < some; i++) {
                    stack.set(layer * width + from + i, vector(role).get(layer * some + i));
                }
            }
            from += some;
        }
        return stack;
    }

    /** [layers, outputs of query, key and value]; one element where there are no biases */
    public FloatArray qkvBias() {
        return qkvBias;
    }

    private StackedWeight matrices(WeightStacking stacking, String name, List<TensorView> layers) {
        StackedWeight weight = stacking.matrices(name, layers);
        Optional<RandomFill> fill = RandomFill.of(name, weight, layers);
        fill.ifPresentOrElse(fills::add, () -> copied.add(new Copied(weight, layers)));
        return weight;
    }

    public StackedWeight get(WeightRole role) {
        return byRole.get(role);
    }

    /** A norm or bias, [layers, width]. */
    public FloatArray vector(WeightRole role) {
        return switch (byRole.get(role)) {
            case StackedWeight.F32(var values) -> values;
            case StackedWeight.F16 _, StackedWeight.NativeF16 _, StackedWeight.Q8 _, StackedWeight.Q4 _, StackedWeight.PackedQ4 _ ->
                throw new IllegalArgumentException(role + " is a matrix");
        };
    }

    /** Everything that lies on the device, without repeats. */
    public Set<TornadoNativeArray> arrays() {
        Set<TornadoNativeArray> arrays = new LinkedHashSet<>();
        byRole.values().forEach(weight -> arrays.addAll(weight.arrays()));
        arrays.add(qkvBias);
        return arrays;
    }

    /** What the device makes itself; not to be uploaded. */
    public List<RandomFill> fills() {
        return List.copyOf(fills);
    }

    /** Copies what is to be uploaded into the host arrays, unless it is there. */
    public void bringToHost() {
        for (int done = 0; done < copied.size() && !onHost; done++) {
            progress.report("copying weights", done, copied.size());
            WeightStacking.fill(copied.get(done).weight(), copied.get(done).layers());
        }
        progress.report("copying weights", copied.size(), copied.size());
        onHost = true;
    }

    /** Frees the memory of large host arrays, whose content is on the device. */
    public void leaveHost() {
        copied.forEach(weight -> weight.weight().arrays().forEach(DeviceArrays::release));
        onHost = false;
    }

    private static String name(WeightRole role) {
        return "weight " + role.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
