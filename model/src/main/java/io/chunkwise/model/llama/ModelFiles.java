package io.chunkwise.model.llama;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.gguf.GgufFile;
import io.chunkwise.model.format.safetensors.SafetensorsFile;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.tokenizer.Tokenizer;
import io.chunkwise.model.tokenizer.TokenizerFiles;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Loads models: Hugging Face directories and GGUF files. Weights are mapped, never copied. */
public final class ModelFiles {
    /** Tensors of Hugging Face files that are tables of the old implementation, not weights. */
    private static final List<String> DERIVED_SUFFIXES = List.of(".rotary_emb.inv_freq", ".masked_bias");

    private ModelFiles() {
    }

    /**
     * Loads a model and checks every weight.
     *
     * @param source a directory with config.json, safetensors weights and a tokenizer, or a GGUF file
     * @return a model that the caller closes
     * @throws FormatException if it is malformed or asks for what we do not do
     */
    public static LlamaModel open(Path source, Progress progress) {
        Arena memory = Arena.ofShared();
        try {
            return Files.isDirectory(source) ? openDirectory(source, memory, progress) : openGguf(source, memory, progress);
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    private static LlamaModel openDirectory(Path directory, Arena memory, Progress progress) {
        if (!Files.exists(directory.resolve("config.json"))) {
            throw new FormatException(directory.toString(),
                    "has no config.json. A model is a directory with config.json, *.safetensors and a tokenizer, or a GGUF file.");
        }
        LlamaConfig config = HuggingFaceConfig.read(directory);
        SafetensorsFile file = openWeights(directory, memory);
        LlamaWeights weights = LlamaWeights.collect(file.name(), config,
                (role, layer) -> tensor(file, config, LlamaTensorNames.huggingFace(role, layer)));
        Set<String> foreign = foreign(file.tensors().keySet(), file.unsupportedTensors().keySet(), weights);
        foreign.removeIf(name -> DERIVED_SUFFIXES.stream().anyMatch(name::endsWith));
        if (config.tiedOutput() && foreign.remove(LlamaTensorNames.huggingFace(WeightRole.OUTPUT, 0))) {
            requireTied(file);
        }
        refuse(file.name(), foreign);
        Tokenizer tokenizer = TokenizerFiles.ofDirectory(directory);
        requireFit(directory.toString(), tokenizer, config);
        WeightCheck.requireFinite(weights.all(), tensor -> file.fileOf(tensor.name()), progress);
        return new LlamaModel(directory, config, tokenizer, weights, memory);
    }

    private static SafetensorsFile openWeights(Path directory, Arena memory) {
        Path single = directory.resolve("model.safetensors");
        Path index = directory.resolve("model.safetensors.index.json");
        if (Files.exists(single)) {
            return SafetensorsFile.open(single, memory);
        }
        if (Files.exists(index)) {
            return SafetensorsFile.openSharded(index, memory);
        }
        throw new FormatException(directory.toString(), "has neither model.safetensors nor model.safetensors.index.json"
                + (Files.exists(directory.resolve("pytorch_model.bin")) ? "; convert pytorch_model.bin to safetensors" : ""));
    }

    private static TensorView tensor(SafetensorsFile file, LlamaConfig config, String name) {
        if (!file.hasTensor(name) && name.equals(LlamaTensorNames.huggingFace(WeightRole.OUTPUT, 0)) && !config.tiedOutput()) {
            throw new FormatException(file.name(), "tensor '" + name
                    + "' is missing, and 'tie_word_embeddings' of config.json is false or absent");
        }
        return file.tensor(name);
    }

    /** Both stored and said to be the same: then they are. */
    private static void requireTied(SafetensorsFile file) {
        TensorView embedding = file.tensor(LlamaTensorNames.huggingFace(WeightRole.EMBEDDING, 0));
        TensorView output = file.tensor(LlamaTensorNames.huggingFace(WeightRole.OUTPUT, 0));
        if (output.type() != embedding.type() || output.data().mismatch(embedding.data()) >= 0) {
            throw new FormatException(file.fileOf(output.name()), "'" + output.name() + "' differs from '" + embedding.name()
                    + "', but 'tie_word_embeddings' of config.json is true; set it to false to use both");
        }
    }

    private static LlamaModel openGguf(Path source, Arena memory, Progress progress) {
        if (!GgufFile.hasMagic(source)) {
            throw new FormatException(source.toString(), describeForeign(source));
        }
        GgufFile file = GgufFile.open(source, memory);
        LlamaConfig config = GgufConfig.read(file);
        LlamaWeights weights = LlamaWeights.collect(file.name(), config, (role, layer) -> file.tensor(LlamaTensorNames.gguf(role, layer)));
        Set<String> foreign = foreign(file.tensors().keySet(), file.unsupportedTensors().keySet(), weights);
        foreign.remove(LlamaTensorNames.GGUF_ROPE_DIVISORS);
        refuse(file.name(), foreign);
        Tokenizer tokenizer = TokenizerFiles.ofGguf(file);
        requireFit(file.name(), tokenizer, config);
        WeightCheck.requireFinite(weights.all(), _ -> file.name(), progress);
        return new LlamaModel(source, config, tokenizer, weights, memory);
    }

    private static String describeForeign(Path source) {
        String expected = "expected a GGUF file, or a directory with config.json, *.safetensors and a tokenizer";
        if (!Files.exists(source)) {
            return "no such file or directory";
        }
        if (!Files.isRegularFile(source)) {
            return "is not a regular file; " + expected;
        }
        String name = String.valueOf(source.getFileName());
        return "does not begin with 'GGUF'; " + expected
                + (name.endsWith(".safetensors") || name.endsWith(".json") ? ". Name the directory that the file lies in." : "");
    }

    private static Set<String> foreign(Set<String> supported, Set<String> unsupported, LlamaWeights weights) {
        Set<String> foreign = new HashSet<>(supported);
        foreign.addAll(unsupported);
        weights.all().forEach(tensor -> foreign.remove(tensor.name()));
        return foreign;
    }

    /** A tensor that nothing asks for belongs to arithmetic that we do not do: a bias, a norm of keys, more layers. */
    private static void refuse(String file, Set<String> foreign) {
        foreign.stream().sorted().findFirst().ifPresent(name -> {
            throw new FormatException(file, "'" + name + "'"
                    + (foreign.size() > 1 ? " and " + (foreign.size() - 1) + " more tensors are" : " is")
                    + " not part of the model that its configuration describes");
        });
    }

    private static void requireFit(String source, Tokenizer tokenizer, LlamaConfig config) {
        if (tokenizer.vocabSize() > config.vocabSize()) {
            throw new FormatException(source, "the tokenizer has " + tokenizer.vocabSize() + " ids, but the model only "
                    + config.vocabSize() + " embeddings; they belong to different models");
        }
    }
}
