package io.chunkwise.runner.inspect;

import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.gguf.GgufFile;
import io.chunkwise.model.format.safetensors.SafetensorsFile;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What a path turned out to hold. */
public sealed interface Inspection {

    /** @param type as the format spells it */
    record Tensor(String name, String type, List<Long> shape, long bytes) {
        static Tensor of(TensorView view) {
            return new Tensor(view.name(), view.type().toString(), view.shape(), view.data().byteSize());
        }
    }

    /** @param tokens ids of the tokenizer */
    record Model(LlamaConfig config, int tokens, List<Tensor> tensors) implements Inspection {
    }

    /** @param sha256 what ties a saved ladder to this adapter */
    record LoraAdapter(String name, String sha256, long parameters, List<SiteSpectrum> spectra) implements Inspection {
    }

    /** @param metadata of the file */
    record Ladder(Map<String, String> metadata, boolean calibrated, List<SiteSpectrum> spectra) implements Inspection {
    }

    /** A safetensors file of something else. */
    record Tensors(Map<String, String> metadata, List<Tensor> tensors) implements Inspection {
    }

    /**
     * Opens whatever is there.
     *
     * @throws FormatException if it is malformed, or nothing that we know
     */
    static Inspection of(Path path, Progress progress) {
        if (!Files.exists(path)) {
            throw new FormatException(path.toString(), "no such file or directory");
        }
        String file = String.valueOf(path.getFileName());
        if (Files.isDirectory(path)) {
            return Files.exists(path.resolve("adapter_config.json")) || Files.exists(path.resolve("adapter_model.safetensors"))
                    ? adapter(path, progress) : model(path, progress);
        }
        if (GgufFile.hasMagic(path)) {
            return isGgufAdapter(path) ? adapter(path, progress) : model(path, progress);
        }
        if (file.equals("adapter_config.json") || file.equals("adapter_model.safetensors")) {
            return adapter(path, progress);
        }
        if (file.endsWith(".safetensors")) {
            return safetensors(path);
        }
        throw new FormatException(path.toString(),
                "is nothing that chunkwise knows: expected a Hugging Face model directory, a PEFT adapter "
                + "directory, a GGUF model or adapter, or a safetensors file");
    }

    private static Inspection model(Path path, Progress progress) {
        try (LlamaModel model = ModelFiles.open(path, progress)) {
            return new Model(model.config(), model.tokenizer().vocabSize(), model.weights().all().stream().map(Tensor::of).toList());
        }
    }

    private static boolean isGgufAdapter(Path path) {
        try (Arena memory = Arena.ofConfined()) {
            return GgufFile.open(path, memory).string("general.type").orElse("model").equals("adapter");
        }
    }

    private static Inspection adapter(Path path, Progress progress) {
        Adapter adapter = AdapterFiles.open(path, AdapterBlueprint.of(path), progress);
        RankLadder ladder = LadderBuilder.build(adapter, progress);
        long parameters = adapter.sites().values().stream().mapToLong(Inspection::parameters).sum();
        return new LoraAdapter(adapter.name(), AdapterFiles.hash(path), parameters, SiteSpectrum.of(ladder));
    }

    private static long parameters(LowRankPair pair) {
        return (long) pair.rank() * (pair.inputs() + pair.outputs());
    }

    private static Inspection safetensors(Path path) {
        try (Arena memory = Arena.ofConfined()) {
            SafetensorsFile file = SafetensorsFile.open(path, memory);
            if (!file.metadata().containsKey("chunkwise.ladder")) {
                List<Tensor> tensors = new ArrayList<>(file.tensors().values().stream().map(Tensor::of).toList());
                file.unsupportedTensors().forEach((name, type) -> tensors.add(new Tensor(name, type, List.of(), 0)));
                return new Tensors(file.metadata(), tensors);
            }
            List<SiteSpectrum> spectra = new ArrayList<>();
            for (TensorView tensor : file.tensors().values()) {
                if (tensor.name().endsWith(".sigma")) {
                    spectra.add(ladderSite(file, tensor));
                }
            }
            return new Ladder(file.metadata(), file.hasTensor("token_benefit"), spectra);
        }
    }

    private static SiteSpectrum ladderSite(SafetensorsFile file, TensorView sigma) {
        String module = sigma.name().substring(0, sigma.name().length() - ".sigma".length());
        TensorView down = file.tensor(module + ".down");
        TensorView up = file.tensor(module + ".up");
        if (sigma.shape().size() != 1 || down.shape().size() != 2 || up.shape().size() != 2) {
            throw new FormatException(file.name(), "'" + sigma.name()
                    + "' and its factors are not a vector and two matrices. The ladder is "
                    + "damaged; rebuild it with 'chunkwise ladder'.");
        }
        return new SiteSpectrum(module.replaceFirst("^model\\.layers\\.", ""), 1, down.columns(), up.rows(), BlockCodec.decode(sigma));
    }
}
