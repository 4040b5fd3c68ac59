package io.chunkwise.runner.options;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The base model. */
public final class ModelOptions {

    @Option(names = {"-m", "--model"}, required = true, paramLabel = "PATH", order = 0,
            description = "Model: a Hugging Face directory or a GGUF file.")
    private Path model;

    /** As a command line gives it. */
    public ModelOptions() {
    }

    /** For commands that need a model only sometimes, and have an option of their own. */
    public ModelOptions(Path model) {
        this.model = model;
    }

    public Path model() {
        return model;
    }
}
