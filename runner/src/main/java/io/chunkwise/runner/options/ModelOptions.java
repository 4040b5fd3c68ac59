package io.chunkwise.runner.options;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The base model. */
public final class ModelOptions {

    @Option(names = {"-m", "--model"}, required = true, paramLabel = "PATH", order = 0,
            description = "Model: a Hugging Face directory or a GGUF file.")
    private Path model;

    public Path model() {
        return model;
    }
}
