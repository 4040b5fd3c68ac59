package io.chunkwise.runner;

import io.chunkwise.runner.error.ShortErrorMessages;
import io.chunkwise.runner.terminal.Terminal;
import java.io.PrintWriter;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The program: finds the command, runs it, and turns what happened into an exit code. */
@Command(name = "chunkwise", description = "Runs LLaMA-family models with LoRA adapters, on any GPU that TornadoVM reaches or on the CPU.",
        versionProvider = ChunkwiseCommand.Version.class, sortOptions = false,
        commandListHeading = "%nCommands:%n", optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "First steps:",
            "  chunkwise devices",
            "  chunkwise generate --model MODEL --adapter ADAPTER --prompt \"Once upon a time\"",
            "",
            "Exit codes: 0 done, 1 it failed while running, 2 the command line is wrong."
        })
public final class ChunkwiseCommand implements Runnable {

    @Spec
    private CommandSpec command;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.")
    private boolean help;

    @Option(names = {"-V", "--version"}, versionHelp = true, description = "Show the version.")
    private boolean version;

    public static void main(String[] args) {
        Terminal terminal = Terminal.system();
        System.setOut(System.err); // libraries talk on standard output, which belongs to the text or the JSON
        System.exit(lostCharacters(args) ? new ShortErrorMessages(terminal).usage("the locale cannot carry the characters of this command "
                + "line; set LC_ALL=C.UTF-8, or use --prompt-file") : execute(terminal, args));
    }

    // In a locale that is not UTF-8, Java replaces what it cannot read in arguments: the model would be asked something else.
    private static boolean lostCharacters(String... args) {
        return !"UTF-8".equals(System.getProperty("sun.jnu.encoding")) && Arrays.stream(args).anyMatch(arg -> arg.indexOf('\uFFFD') >= 0);
    }

    /** Runs one command line; returns the exit code. Never throws. */
    public static int execute(Terminal terminal, String... args) {
        ShortErrorMessages errors = new ShortErrorMessages(terminal);
        try {
            return commandLine(terminal, Sessions.FRESH, errors, args).execute(args);
        } catch (Throwable e) { // picocli passes exceptions to the handler, but lets errors such as a full heap through
            return errors.handle(e, Arrays.asList(args).contains("--errors"));
        } finally {
            terminal.out().flush();
            terminal.err().flush();
        }
    }

    static CommandLine commandLine(Terminal terminal, Sessions sessions, ShortErrorMessages errors, String... args) {
        CommandLine commandLine = new CommandLine(new ChunkwiseCommand())
                .addSubcommand(new GenerateCommand(terminal, sessions))
                .addSubcommand(new ScoreCommand(terminal))
                .addSubcommand(new DevicesCommand(terminal))
                .addSubcommand(new InspectCommand(terminal))
                .addSubcommand(new LadderCommand(terminal))
                .addSubcommand(new PolicyCommand(terminal))
                .addSubcommand(new CalibrateCommand(terminal))
                .addSubcommand(EvalCommand.with(terminal, sessions))
                .addSubcommand(new BenchCommand(terminal));
        commandLine.setOut(new PrintWriter(terminal.out(), true));
        commandLine.setErr(new PrintWriter(terminal.err(), true));
        commandLine.setColorScheme(Help.defaultColorScheme(terminal.colours() ? Help.Ansi.ON : Help.Ansi.OFF));
        commandLine.setParameterExceptionHandler(errors);
        commandLine.setExecutionExceptionHandler(errors);
        if (args.length == 0 || Arrays.stream(args).anyMatch(arg -> arg.equals("-h") || arg.equals("--help"))) {
            commandLine.setUsageHelpWidth(Math.clamp(terminal.width(), 55, 120));
            commandLine.setUsageHelpLongOptionsMaxWidth(Math.clamp(terminal.width() / 3, 20, 30));
        }
        return commandLine;
    }

    @Override
    public void run() {
        command.commandLine().usage(command.commandLine().getOut());
    }

    /** From the jar's manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        /** "0.1.0", or what stands for it where there is no jar. */
        static String text() {
            String version = ChunkwiseCommand.class.getPackage().getImplementationVersion();
            return version == null ? "(development build)" : version;
        }

        @Override
        public String[] getVersion() {
            return new String[] {"chunkwise " + text()};
        }
    }
}
