package io.chunkwise.runner.error;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * One line on standard error per failure, {@code chunkwise: what, where, what to do}. Exit code 2 for the command line
 * itself, 1 for what happened while it ran.
 */
public final class ShortErrorMessages implements IParameterExceptionHandler, IExecutionExceptionHandler {
    private static final String PREFIX = "chunkwise: ";

    private final Terminal terminal;

    public ShortErrorMessages(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public int handleParseException(ParameterException problem, String... args) {
        CommandLine command = problem.getCommandLine();
        terminal.err().println(PREFIX + oneLine(problem.getMessage().replaceFirst("^Error: ", "")));
        if (problem instanceof UnmatchedArgumentException unmatched) {
            for (String suggestion : unmatched.getSuggestions()) {
                terminal.err().println("Did you mean '" + suggestion + "'?");
            }
        }
        terminal.err().println("See '" + command.getCommandSpec().qualifiedName() + " --help'.");
        terminal.err().flush();
        return ExitCode.USAGE;
    }

    @Override
    public int handleExecutionException(Exception problem, CommandLine command, ParseResult parsed) {
        return handle(problem, command.getParseResult().hasMatchedOption("--errors"));
    }

    /** Says what is wrong with a command line that did not even get to its command; returns the exit code. */
    public int usage(String problem) {
        terminal.err().println(PREFIX + oneLine(problem));
        terminal.err().flush();
        return ExitCode.USAGE;
    }

    /**
     * Says what went wrong.
     *
     * @param trace whether to show where, too
     * @return the exit code
     */
    public int handle(Throwable problem, boolean trace) {
        if (problem instanceof OutputClosedException) {
            return ExitCode.OK;
        }
        terminal.err().println(PREFIX + oneLine(message(problem)));
        if (trace) {
            problem.printStackTrace(terminal.err());
        }
        terminal.err().flush();
        return ExitCode.SOFTWARE;
    }

    private static String message(Throwable problem) {
        return switch (problem) {
            case FormatException e -> e.getMessage();
            case ExecutorException e -> e.getMessage();
            case NoSuchFileException e -> e.getFile() + ": there is no such file or directory";
            case AccessDeniedException e -> e.getFile() + ": may not be read or written (permissions)";
            case FileSystemException e -> e.getFile() + ": " + (e.getReason() == null ? "cannot be read or written" : e.getReason());
            case UncheckedIOException e -> message(e.getCause());
            case IOException e -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            case IllegalArgumentException e when e.getMessage() != null -> e.getMessage();
            case OutOfMemoryError e -> String.format(Locale.ROOT, "out of memory (the Java heap may grow to %d MiB): give it more with "
                    + "CHUNKWISE_JAVA_OPTS=-Xmx16g, or need less with a smaller --context or --batch",
                    Runtime.getRuntime().maxMemory() >> 20);
            case Throwable e -> "unexpected " + e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ": " + e.getMessage())
                    + " (this is a bug; run with --errors for the stack trace)";
        };
    }

    // Messages quote file names and file contents; nothing of that may move the cursor or fake a second line.
    private static String oneLine(String message) {
        return message == null ? "no message" : message.replaceAll("\\s*\\R\\s*", " ").replaceAll("\\p{Cntrl}", "\uFFFD");
    }
}
