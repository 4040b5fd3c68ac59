package io.chunkwise.runner;

import io.chunkwise.evaluate.Shard;
import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.runner.error.ShortErrorMessages;
import io.chunkwise.runner.options.JournalOptions;
import io.chunkwise.runner.terminal.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * A command line that goes through items and writes a line for each ({@code eval perplexity}, {@code eval squad}, {@code eval bleu},
 * {@code generate --input}), for programs that have it done in shards. The first shard loads the model, and the next ones go on with it.
 * Nothing is printed. One thread at a time.
 */
public final class ShardedCommand implements AutoCloseable {
    private static final Terminal NOBODY = Terminal.piped(InputStream.nullInputStream(), OutputStream.nullOutputStream(),
            OutputStream.nullOutputStream());

    private final ParseResult parsed;
    private final JournalOptions journal;
    private final Path output;
    private Session session; // null: not loaded

    /**
     * Something about the command line or its files that is wrong wherever it runs.
     *
     * @param exit what the program exits with
     * @param text the line for standard error, or two of them
     */
    public record Problem(int exit, String text) {
        /** What the command line says where this is thrown. */
        public static Problem of(Exception thrown) {
            ByteArrayOutputStream err = new ByteArrayOutputStream();
            ShortErrorMessages messages = new ShortErrorMessages(Terminal.piped(InputStream.nullInputStream(),
                    OutputStream.nullOutputStream(), err));
            int exit = thrown instanceof ParameterException usage ? messages.handleParseException(usage) : messages.handle(thrown, false);
            return new Problem(exit, err.toString(StandardCharsets.UTF_8).stripTrailing());
        }

        private static boolean is(Exception thrown) {
            return thrown instanceof ParameterException || thrown instanceof FormatException || thrown instanceof IllegalArgumentException
                    || thrown instanceof UncheckedIOException io && io.getCause() instanceof NoSuchFileException;
        }
    }

    /**
     * Reads a command line; files are looked at by {@link #run}.
     *
     * @param args with {@code --output}, which is the caller's affair, and without {@code --shard}
     * @throws ParameterException if it makes no sense, or is none that goes through items
     */
    public ShardedCommand(List<String> args) {
        CommandLine program = ChunkwiseCommand.commandLine(NOBODY, this::lend, new ShortErrorMessages(NOBODY));
        ParseResult innermost = program.parseArgs(args.toArray(String[]::new));
        while (innermost.hasSubcommand()) {
            innermost = innermost.subcommand();
        }
        parsed = innermost;
        CommandSpec command = parsed.commandSpec();
        boolean goesThroughItems = List.of("perplexity", "squad", "bleu").contains(command.name())
                || command.name().equals("generate") && given("--input");
        require(goesThroughItems, "'" + command.qualifiedName()
                + "' has no items to share; expected eval perplexity, eval squad, eval bleu, or "
                + "generate --input");
        require(!given("--shard"), "--shard: shards are made here; leave it out");
        require(given("--output"), "--output is missing: where results go");
        journal = (JournalOptions) command.mixins().get("journal").userObject();
        output = journal.output().orElseThrow();
    }

    /** What {@code --output} says. */
    public Path output() {
        return output;
    }

    /** Whether an option is on the command line. @param option its longest name */
    public boolean given(String option) {
        return parsed.hasMatchedOption(option);
    }

    /** The value of an option, or its default. */
    public String value(String option) {
        return String.valueOf(parsed.commandSpec().findOption(option).<Object>getValue());
    }

    /**
     * Evaluates the items of a shard that a file lacks.
     *
     * @param file  of results, in place of {@code --output}
     * @param pause called while another process writes the file, until it is free; what it throws is thrown
     * @return empty if all items of the shard have a result now
     * @throws Exception what may go better next time or on another machine: a device that fails, a file that cannot be written
     */
    public Optional<Problem> run(Shard shard, Path file, Runnable pause) throws Exception {
        journal.redirect(file, shard, pause);
        try {
            ((Callable<?>) parsed.commandSpec().userObject()).call();
            return Optional.empty();
        } catch (Exception e) {
            close(); // whatever the state of its executor
            if (Problem.is(e)) {
                return Optional.of(Problem.of(e));
            }
            throw e;
        }
    }

    private Session lend(Session.Options options, Terminal terminal, Progress progress) {
        if (session == null) {
            session = Session.open(options, false, terminal, progress);
        }
        return session.lent();
    }

    private void require(boolean condition, String problem) {
        if (!condition) {
            throw new ParameterException(parsed.commandSpec().commandLine(), problem);
        }
    }

    /** Frees the model; {@link #run} would load it again. */
    @Override
    public void close() {
        if (session != null) {
            session.close();
            session = null;
        }
    }
}
