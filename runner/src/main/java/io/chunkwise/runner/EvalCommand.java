package io.chunkwise.runner;

import io.chunkwise.runner.terminal.Terminal;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Checks what a model and its adapters are worth; its subcommands say on what. */
@Command(name = "eval", description = "Measures how good a model with its adapters and policies is.", sortOptions = false,
        synopsisSubcommandLabel = "COMMAND", commandListHeading = "%nCommands:%n", optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "With --output FILE every result is a line of JSON in that file as soon as it is known, and the",
            "same command goes on where a run was killed. With --shard I/N several machines share the",
            "items, and 'eval merge' makes figures of their files.",
            "",
            "Recipes, formats and what the figures agree with: docs/evaluation.md."
        })
final class EvalCommand implements Runnable {
    @Spec
    private CommandSpec command;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.")
    private boolean help;

    static CommandLine with(Terminal terminal, Sessions sessions) {
        return new CommandLine(new EvalCommand())
                .addSubcommand(new EvalPerplexityCommand(terminal, sessions))
                .addSubcommand(new EvalSquadCommand(terminal, sessions))
                .addSubcommand(new EvalBleuCommand(terminal, sessions))
                .addSubcommand(new EvalAblateCommand(terminal))
                .addSubcommand(new EvalMergeCommand(terminal));
    }

    @Override
    public void run() {
        command.commandLine().usage(command.commandLine().getOut());
    }
}
