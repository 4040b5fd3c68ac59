package io.chunkwise.model.adapter;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.gguf.GgufFile;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaTensorNames;
import io.chunkwise.model.llama.RotaryPairing;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An adapter as llama.cpp's converter writes it: a GGUF file of {@code general.type} "adapter". Tensors are
 * {@code blk.N.attn_q.weight.lora_a} [rank, inputs] and {@code .lora_b} [outputs, rank]; the scale is
 * {@code adapter.lora.alpha} over the tensor's own rank, or 1 where alpha is 0.
 */
final class GgufAdapterFile {
    private static final Pattern TENSOR = Pattern.compile("(.+)\\.lora_([ab])");

    private GgufAdapterFile() {
    }

    static Adapter read(String name, Path source, LlamaConfig config, Progress progress) {
        try (Arena memory = Arena.ofConfined()) {
            GgufFile file = GgufFile.open(source, memory);
            String architecture = checkKind(file, config);
            float alpha = file.floating("adapter.lora.alpha")
                    .orElseThrow(() -> problem(file, "has no 'adapter.lora.alpha', so that its scale is unknown"));
            if (!Float.isFinite(alpha)) {
                throw problem(file, "'adapter.lora.alpha' is " + alpha + ", expected a number");
            }
            file.unsupportedTensors().forEach((tensor, type) -> {
                throw problem(file, "'" + tensor + "' is " + type + ", which is not supported; convert the adapter to F32 or F16");
            });
            AdapterTensors tensors = new AdapterTensors(file.name(), config,
                    "The adapter belongs to another base model"
                            + file.string("general.base_model.0.name").map(base -> ", '" + base + "'").orElse("") + ".");
            Map<String, AdapterSite> sites = AdapterTensors.sitesByName(config, LlamaTensorNames::gguf);
            file.tensors().values().forEach(tensor -> add(sites, tensors, tensor));
            return tensors.read(name, storedOrder(architecture),
                    (site, rank) -> alpha == 0 ? 1 : Adapter.scale(alpha, rank, false), progress);
        }
    }

    private static String checkKind(GgufFile file, LlamaConfig config) {
        expect(file, "general.type", "adapter", "the file is not an adapter");
        expect(file, "adapter.type", "lora", "other kinds of adapter are not supported");
        if (file.metadata().containsKey("adapter.alora.invocation_tokens")) {
            throw problem(file, "'adapter.alora.invocation_tokens': "
                    + "activated LoRA, which switches on in the middle of a text, is not supported");
        }
        String expected = switch (config.architecture()) {
            case LLAMA, MISTRAL -> "llama";
            case QWEN2 -> "qwen2";
        };
        expect(file, "general.architecture", expected, "the adapter belongs to another base model");
        return expected;
    }

    private static void expect(GgufFile file, String key, String expected, String otherwise) {
        Optional<String> found = file.string(key);
        if (!found.equals(Optional.of(expected))) {
            throw problem(file, found.map(value -> "'" + key + "' is '" + value + "'").orElse("has no '" + key + "'")
                    + ", expected '" + expected + "': " + otherwise);
        }
    }

    // The converter permutes query and key rows of the llama architecture, and of no other.
    private static RotaryPairing storedOrder(String architecture) {
        return architecture.equals("llama") ? RotaryPairing.NEIGHBOURS : RotaryPairing.HALVES;
    }

    private static void add(Map<String, AdapterSite> sites, AdapterTensors tensors, TensorView tensor) {
        Matcher matcher = TENSOR.matcher(tensor.name());
        AdapterSite site = matcher.matches() ? sites.get(matcher.group(1)) : null;
        if (site == null) {
            throw tensors.foreign(tensor, "is not an A or B tensor of one of the seven projections of a layer; "
                    + "adapters of embeddings, norms and output layers are not supported");
        }
        if (matcher.group(2).equals("a")) {
            tensors.addDown(site, tensor);
        } else {
            tensors.addUp(site, tensor);
        }
    }

    private static FormatException problem(GgufFile file, String text) {
        return new FormatException(file.name(), text);
    }
}
