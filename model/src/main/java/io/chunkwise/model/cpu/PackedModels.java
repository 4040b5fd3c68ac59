package io.chunkwise.model.cpu;

import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaModel;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Objects;

/** Packed weights of models, one copy for all executors that are open over a model: the last one to close frees it. */
final class PackedModels {
    private final Map<LlamaModel, PackedModel> open = new IdentityHashMap<>();

    /** Whether {@link #acquire} would copy nothing. */
    synchronized boolean has(LlamaModel model) {
        return open.containsKey(model);
    }

    /**
     * The packed weights of a model, to be closed.
     *
     * @param matrices [layer] of each role; those that are not quantized are not packed
     * @param team     does the work
     */
    synchronized PackedModel acquire(LlamaModel model, Map<WeightRole, TensorView[]> matrices, WorkerTeam team) {
        PackedModel packed = open.get(model);
        if (packed == null) {
            packed = new PackedModel(model, matrices, team);
            open.put(model, packed);
        }
        packed.users++;
        return packed;
    }

    private synchronized void release(PackedModel packed) {
        packed.users--;
        if (packed.users == 0) {
            open.remove(packed.model);
            packed.memory.close();
        }
    }

    /** Of one model; owned by its executors together. */
    final class PackedModel {
        private final LlamaModel model;
        private final Map<WeightRole, PackedWeights[]> byRole = new EnumMap<>(WeightRole.class); // [layer]
        private final Arena memory = Arena.ofShared();
        private int users;

        private PackedModel(LlamaModel model, Map<WeightRole, TensorView[]> matrices, WorkerTeam team) {
            this.model = model;
            try {
                matrices.forEach((role, tensors) -> byRole.put(role, pack(tensors, team)));
            } catch (RuntimeException | Error e) {
                memory.close();
                throw e;
            }
        }

        private PackedWeights[] pack(TensorView[] tensors, WorkerTeam team) {
            PackedWeights[] copies = new PackedWeights[tensors.length];
            team.share(copies.length, 1, (_, from, to) -> {
                for (int i = from; i < to; i++) { // memory is filled with zeros first, which is not to be left to one thread
                    TensorView tensor = tensors[i];
                    if (tensor.type().isQuantized()) {
                        int inputs = Math.toIntExact(tensor.elements() / tensor.rows());
                        copies[i] = PackedWeights.allocate(tensor.type(), tensor.rows(), inputs, memory);
                        copies[i].pack(tensor.data(), inputs, 0, tensor.rows());
                    }
                }
            });
            return copies;
        }

        /** Null where the weight is not quantized. */
        PackedWeights get(WeightRole role, int layer) {
            return byRole.get(role)[layer];
        }

        long bytes() {
            return byRole.values().stream().flatMap(Arrays::stream).filter(Objects::nonNull).mapToLong(copy -> copy.data().byteSize()).sum();
        }

        void close() {
            release(this);
        }
    }
}
