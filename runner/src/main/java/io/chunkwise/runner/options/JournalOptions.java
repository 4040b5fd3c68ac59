package io.chunkwise.runner.options;

import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.Shard;
import io.chunkwise.evaluate.journal.Journal;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where results go, and which of them are this run's business. */
public final class JournalOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", order = 70,
            description = "Write every result as a line of JSON as soon as it is known. If the file is there with results of the same "
                    + "configuration, these are kept and only the others are computed: a run that was killed goes on.")
    private Path output;

    @Option(names = "--shard", paramLabel = "I/N", order = 71,
            description = "Take every Nth item only, from the Ith on; 'chunkwise eval merge' makes figures of the N files.")
    private String shardText;

    private Shard shard = Shard.ALL;
    private Optional<Runnable> pause = Optional.empty();

    /**
     * Another file and another shard than the command line says, which says none.
     *
     * @param pause called while another run writes the file, until it is free or something is thrown
     */
    public void redirect(Path file, Shard part, Runnable pause) {
        output = file;
        shard = part;
        this.pause = Optional.of(pause);
    }

    /** @throws ParameterException if the shard is none */
    public void check() {
        if (shardText != null) {
            try {
                shard = Shard.parse(shardText);
            } catch (IllegalArgumentException e) {
                throw new ParameterException(command.commandLine(), "--shard: " + e.getMessage());
            }
        }
    }

    public Optional<Path> output() {
        return Optional.ofNullable(output);
    }

    /** All of it, if nothing else was said; {@link #check} comes first. */
    public Shard shard() {
        return shard;
    }

    /** The file, or memory where there is none; closed by the caller. */
    public <R> Journal<R> open(Configuration configuration, Class<R> type) {
        if (output == null) {
            return Journal.inMemory();
        }
        return pause.isPresent() ? Journal.open(output, configuration, type, pause.get()) : Journal.open(output, configuration, type);
    }
}
