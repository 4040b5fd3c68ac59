package io.chunkwise.runner.options;

import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** One adapter that is cut into rungs, for commands that are about nothing else. */
public final class LadderOptions {

    @Option(names = {"-a", "--adapter"}, required = true, paramLabel = "PATH", order = 10,
            description = "LoRA adapter: a PEFT directory or a GGUF adapter file.")
    private Path adapter;

    @Option(names = "--ladder", paramLabel = "PATH", order = 11,
            description = "Rank ladder, as 'chunkwise ladder' saves it (default: the one beside the adapter; without one it is built in "
                    + "memory).")
    private Path ladder;

    public Path adapter() {
        return adapter;
    }

    public Optional<Path> ladder() {
        return Optional.ofNullable(ladder);
    }
}
