package io.chunkwise.model.llama;

import io.chunkwise.model.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.nio.file.Path;

/**
 * A loaded model. Closing it unmaps its files; executors over it are closed before.
 *
 * @param source    the file or directory that it was read from, as the user gave it
 * @param tokenizer text to token ids and back
 * @param memory    owns the mappings behind {@code weights}
 */
public record LlamaModel(Path source, LlamaConfig config, Tokenizer tokenizer, LlamaWeights weights, Arena memory)
        implements AutoCloseable {

    @Override
    public void close() {
        memory.close();
    }
}
