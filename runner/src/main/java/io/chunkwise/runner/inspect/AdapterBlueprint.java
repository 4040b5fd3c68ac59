package io.chunkwise.runner.inspect;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.gguf.GgufFile;
import io.chunkwise.model.format.safetensors.SafetensorsFile;
import io.chunkwise.model.llama.LlamaArchitecture;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RopeScaling;
import io.chunkwise.model.llama.RotaryPairing;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The sizes of the base model that an adapter was trained on, as far as its tensors tell: enough to read the adapter
 * without that model at hand. What no tensor tells is made up, and nothing depends on it.
 */
final class AdapterBlueprint {
    private static final Pattern TENSOR = Pattern.compile(
            "(?:.*\\.layers|blk)\\.(\\d{1,5})\\.(?:self_attn\\.|mlp\\.)?(\\w+?)(?:_proj)?(?:\\.weight)?\\.lora_([ABab])(?:\\..*)?");

    private final String file;
    private int layers = 1;
    private int hidden;
    private int query;
    private int keyValue;
    private int ffn;

    private AdapterBlueprint(String file) {
        this.file = file;
    }

    /** @throws FormatException if the file is malformed, or no model has these shapes */
    static LlamaConfig of(Path source) {
        try (Arena memory = Arena.ofConfined()) {
            if (GgufFile.hasMagic(source)) {
                GgufFile file = GgufFile.open(source, memory);
                boolean qwen = file.string("general.architecture").orElse("").equals("qwen2");
                return new AdapterBlueprint(file.name()).config(file.tensors().values(),
                        qwen ? LlamaArchitecture.QWEN2 : LlamaArchitecture.LLAMA, qwen ? RotaryPairing.HALVES : RotaryPairing.NEIGHBOURS);
            }
            Path directory = Files.isDirectory(source) ? source : source.toAbsolutePath().getParent();
            SafetensorsFile file = SafetensorsFile.open(directory.resolve("adapter_model.safetensors"), memory);
            return new AdapterBlueprint(file.name()).config(file.tensors().values(), LlamaArchitecture.LLAMA, RotaryPairing.HALVES);
        }
    }

    private LlamaConfig config(Collection<TensorView> tensors, LlamaArchitecture architecture, RotaryPairing pairing) {
        for (TensorView tensor : tensors) {
            Matcher matcher = TENSOR.matcher(tensor.name());
            if (matcher.matches() && tensor.shape().size() == 2) {
                layers = Math.max(layers, Integer.parseInt(matcher.group(1)) + 1);
                learn(matcher.group(2), matcher.group(3).equalsIgnoreCase("a"), tensor);
            }
        }
        int heads = query == 0 ? hidden == 0 ? 2 : hidden : query;
        int width = keyValue == 0 ? heads : keyValue;
        if (heads % width != 0 || width % 2 != 0) {
            throw new FormatException(file, "query projections of " + heads + " and key projections of " + width
                    + " outputs belong to no Llama model");
        }
        return new LlamaConfig(architecture, hidden == 0 ? heads : hidden, layers, heads / width, 1, width, ffn == 0 ? 1 : ffn,
                1, 1, 1e-5f, 10_000f, new RopeScaling.None(), pairing, 0, false, true, -1, Set.of());
    }

    private void learn(String projection, boolean isDown, TensorView tensor) {
        long size = isDown ? tensor.shape().get(1) : tensor.shape().get(0);
        if (size < 1 || size > Integer.MAX_VALUE) {
            throw new FormatException(file, "'" + tensor.name() + "' is " + tensor.shape() + ", which fits no model");
        }
        int width = (int) size;
        switch (projection) {
            case "q", "attn_q" -> query = isDown ? query : width;
            case "k", "attn_k", "v", "attn_v" -> keyValue = isDown ? keyValue : width;
            case "o", "attn_output" -> query = isDown ? width : query;
            case "gate", "ffn_gate", "up", "ffn_up" -> ffn = isDown ? ffn : width;
            case "down", "ffn_down" -> ffn = isDown ? width : ffn;
            default -> { // refused by name when the adapter is read
                return;
            }
        }
        boolean readsResidual = !Set.of("o", "attn_output", "down", "ffn_down").contains(projection);
        hidden = readsResidual == isDown ? width : hidden;
    }
}
