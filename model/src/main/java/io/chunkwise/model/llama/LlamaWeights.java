package io.chunkwise.model.llama;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.WeightRole;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

/** The base weights of a model by role and layer, every shape checked against the configuration. */
public final class LlamaWeights {
    private final Map<WeightRole, List<TensorView>> byRole;

    private LlamaWeights(Map<WeightRole, List<TensorView>> byRole) {
        this.byRole = byRole;
    }

    /**
     * Collects and checks every weight that the configuration calls for.
     *
     * @param file   named in errors
     * @param lookup the tensor of a role and layer (0 for roles that are not per layer); throws
     *               {@link FormatException} if there is none
     * @throws FormatException on a shape that the configuration does not call for
     */
    public static LlamaWeights collect(String file, LlamaConfig config, BiFunction<WeightRole, Integer, TensorView> lookup) {
        Map<WeightRole, List<TensorView>> byRole = new EnumMap<>(WeightRole.class);
        for (WeightRole role : WeightRole.values()) {
            if (role.isPresent(config)) {
                byRole.put(role, IntStream.range(0, role.isPerLayer() ? config.layers() : 1)
                        .mapToObj(layer -> checked(file, config, role, lookup.apply(role, layer))).toList());
            }
        }
        if (config.tiedOutput()) {
            byRole.put(WeightRole.OUTPUT, byRole.get(WeightRole.EMBEDDING));
        }
        return new LlamaWeights(byRole);
    }

    private static TensorView checked(String file, LlamaConfig config, WeightRole role, TensorView tensor) {
        List<Long> expected = role.shape(config);
        if (!tensor.shape().equals(expected)) {
            throw new FormatException(file, "'" + tensor.name() + "' is " + tensor.shape() + ", expected " + expected
                    + ". The configuration and the weights belong to different models.");
        }
        return tensor;
    }

    /**
     * The tensor of a role.
     *
     * @param layer ignored for roles that are not per layer
     */
    public TensorView get(WeightRole role, int layer) {
        List<TensorView> tensors = byRole.get(role);
        return tensors.get(role.isPerLayer() ? layer : 0);
    }

    /** All distinct tensors: a tied output is not named twice. */
    public List<TensorView> all() {
        return byRole.values().stream().flatMap(List::stream).distinct().toList();
    }

    /** Bytes of all distinct tensors. */
    public long bytes() {
        return all().stream().mapToLong(TensorView::bytes).sum();
    }
}
