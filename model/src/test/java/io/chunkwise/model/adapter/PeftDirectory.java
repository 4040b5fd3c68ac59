package io.chunkwise.model.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.chunkwise.model.fixtures.GgufWriter;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.safetensors.SafetensorsWriter;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaTensorNames;
import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.model.llama.SyntheticLlama;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * An adapter as PEFT would save it, for tests that change it before it is written. As it is made: seeded random A and B
 * of one rank at all seven projections of every layer.
 */
public final class PeftDirectory {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ObjectNode config = JSON.createObjectNode();
    private final Map<String, TensorView> tensors = new LinkedHashMap<>();

    public PeftDirectory(LlamaConfig model, int rank, float alpha, long seed) {
        config.put("peft_type", "LORA").put("task_type", "CAUSAL_LM").put("r", rank).put("lora_alpha", alpha)
                .put("base_model_name_or_path", "some/base").put("target_modules", "all-linear");
        Random random = new Random(seed);
        for (int layer = 0; layer < model.layers(); layer++) {
            for (WeightRole role : WeightRole.ADAPTABLE) {
                List<Long> base = role.shape(model);
                tensor(name(role, layer, "A"), TensorType.F32, List.of((long) rank, base.get(1)), gaussians(random, rank * base.get(1)));
                tensor(name(role, layer, "B"), TensorType.F32, List.of(base.get(0), (long) rank), gaussians(random, rank * base.get(0)));
            }
        }
    }

    /** A small model that such adapters are made for. */
    public static LlamaConfig smallModel() {
        return SyntheticLlama.config(16, 2, 4, 2, 12, 32, 64);
    }

    /** The name of a factor, "A" or "B". */
    public static String name(WeightRole role, int layer, String factor) {
        return "base_model.model." + LlamaTensorNames.huggingFaceModule(role, layer) + ".lora_" + factor + ".weight";
    }

    /** adapter_config.json, to be changed. */
    public ObjectNode config() {
        return config;
    }

    /** Sets a field of adapter_config.json to a JSON text. */
    public PeftDirectory field(String name, String json) {
        try {
            JsonNode value = JSON.readTree(json);
            config.set(name, value);
        } catch (IOException e) {
            throw new IllegalArgumentException(json, e);
        }
        return this;
    }

    /** Tensors by name, to be changed. */
    public Map<String, TensorView> tensors() {
        return tensors;
    }

    /** Adds or replaces a tensor. */
    public PeftDirectory tensor(String name, TensorType type, List<Long> shape, float[] values) {
        tensors.put(name, view(name, type, shape, values));
        return this;
    }

    /** Writes both files; the directory is made where it is absent. */
    public Path write(Path directory) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("adapter_config.json"), config.toPrettyString());
        SafetensorsWriter.write(directory.resolve("adapter_model.safetensors"), List.copyOf(tensors.values()), Map.of("format", "pt"));
        return directory;
    }

    /** The same adapter as llama.cpp's converter writes it for a llama-architecture base. */
    public GgufWriter gguf(LlamaConfig model, float alpha) {
        GgufWriter writer = new GgufWriter().string("general.architecture", "llama").string("general.type", "adapter")
                .string("adapter.type", "lora").float32("adapter.lora.alpha", alpha);
        for (int layer = 0; layer < model.layers(); layer++) {
            for (WeightRole role : WeightRole.ADAPTABLE) {
                TensorView a = tensors.get(name(role, layer, "A"));
                TensorView b = tensors.get(name(role, layer, "B"));
                LowRankPair pair = RotaryOrder.reorder(new AdapterSite(layer, role),
                        new LowRankPair(a.rows(), a.columns(), b.rows(), BlockCodec.decode(a), BlockCodec.decode(b)),
                        model, RotaryPairing.HALVES, RotaryPairing.NEIGHBOURS);
                writer.tensor(view(LlamaTensorNames.gguf(role, layer) + ".lora_a", TensorType.F32, a.shape(), pair.down()));
                writer.tensor(view(LlamaTensorNames.gguf(role, layer) + ".lora_b", TensorType.F32, b.shape(), pair.up()));
            }
        }
        return writer;
    }

    static TensorView view(String name, TensorType type, List<Long> shape, float[] values) {
        MemorySegment data = Arena.ofAuto().allocate(type.bytesFor(values.length));
        BlockCodec.encode(type, values, 0, values.length, data, 0);
        return new TensorView(name, type, shape, data);
    }

    static float[] gaussians(Random random, long count) {
        float[] values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
