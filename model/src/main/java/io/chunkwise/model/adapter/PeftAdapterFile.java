package io.chunkwise.model.adapter;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.safetensors.SafetensorsFile;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaTensorNames;
import io.chunkwise.model.llama.RotaryPairing;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An adapter as PEFT saves it: {@code adapter_model.safetensors} beside {@code adapter_config.json}. Tensors are
 * {@code base_model.model.model.layers.N.self_attn.q_proj.lora_A.weight} [rank, inputs] and {@code .lora_B.weight}
 * [outputs, rank], possibly with the adapter's name before {@code weight}.
 */
final class PeftAdapterFile {
    static final String TENSORS = "adapter_model.safetensors";
    private static final Pattern TENSOR = Pattern.compile("base_model\\.model\\.(.+)\\.lora_([AB])(?:\\.[^.]+)?\\.weight");

    private PeftAdapterFile() {
    }

    static Adapter read(String name, Path directory, LlamaConfig config, Progress progress) {
        PeftConfig peft = PeftConfig.read(directory.resolve(PeftConfig.FILE));
        try (Arena memory = Arena.ofConfined()) {
            SafetensorsFile file = SafetensorsFile.open(directory.resolve(TENSORS), memory);
            file.unsupportedTensors().forEach((tensor, type) -> {
                throw new FormatException(file.name(),
                        "'" + tensor + "' is " + type + ", which is not supported; save the adapter in F32, F16 or BF16");
            });
            AdapterTensors tensors = new AdapterTensors(file.name(), config, "The adapter belongs to another base model; see "
                    + "base_model_name_or_path in " + PeftConfig.FILE + peft.baseModel().map(base -> " ('" + base + "')").orElse("") + ".");
            Map<String, AdapterSite> sites = AdapterTensors.sitesByName(config, LlamaTensorNames::huggingFaceModule);
            file.tensors().values().forEach(tensor -> add(sites, tensors, tensor));
            sites.forEach((module, site) -> checkAgainstConfig(file.name(), peft, tensors, module, site));
            AdapterTensors.Scale scale = (site, rank) -> Adapter.scale(
                    peft.alpha(LlamaTensorNames.huggingFaceModule(site.role(), site.layer())), rank, peft.rankStabilized());
            return tensors.read(name, RotaryPairing.HALVES, scale, progress);
        }
    }

    private static void add(Map<String, AdapterSite> sites, AdapterTensors tensors, TensorView tensor) {
        Matcher matcher = TENSOR.matcher(tensor.name());
        AdapterSite site = matcher.matches() ? sites.get(matcher.group(1)) : null;
        if (site == null) {
            throw tensors.foreign(tensor, unsupported(tensor.name()));
        }
        if (matcher.group(2).equals("A")) {
            tensors.addDown(site, tensor);
        } else {
            tensors.addUp(site, tensor);
        }
    }

    private static String unsupported(String name) {
        if (name.contains("lora_magnitude_vector")) {
            return "DoRA (magnitudes beside the low-rank update) is not supported";
        }
        if (name.contains("modules_to_save")) {
            return "a module that was trained in full (modules_to_save) is not supported; merge it into the base model";
        }
        if (name.contains("lora_embedding_") || name.contains("embed_tokens")) {
            return "an adapter of the embedding is not supported";
        }
        if (name.contains("lm_head")) {
            return "an adapter of the output layer is not supported";
        }
        if (name.endsWith("bias")) {
            return "a trained bias is not supported";
        }
        return "is not an A or B tensor of one of the seven projections of a layer "
                + "(base_model.model.model.layers.N.self_attn.q_proj.lora_A.weight)";
    }

    private static void checkAgainstConfig(String file, PeftConfig peft, AdapterTensors tensors, String module, AdapterSite site) {
        if (peft.targets(module, site.layer()) && !tensors.has(site)) {
            throw new FormatException(file, "has no tensors for '" + module + "', which target_modules in " + PeftConfig.FILE
                    + " names. The file is incomplete, or the adapter belongs to another base model.");
        }
        tensors.down(site).ifPresent(down -> checkRank(file, down, peft.rank(module)));
    }

    private static void checkRank(String file, TensorView down, int expected) {
        if (down.shape().size() != 2 || down.shape().getFirst() != expected) {
            throw new FormatException(file, "'" + down.name() + "' is " + down.shape() + ", but " + PeftConfig.FILE + " says rank "
                    + expected + " (r, rank_pattern); the two files belong to different adapters");
        }
    }
}
