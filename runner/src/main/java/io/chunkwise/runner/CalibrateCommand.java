package io.chunkwise.runner;

import io.chunkwise.calibrate.budget.Budget;
import io.chunkwise.calibrate.budget.CalibratedPolicy;
import io.chunkwise.calibrate.budget.PolicyCalibrator;
import io.chunkwise.calibrate.budget.TextSplit;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.perplexity.PerplexityRecipe;
import io.chunkwise.evaluate.perplexity.TextWindow;
import io.chunkwise.ladder.LadderFile;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.Progress;
import io.chunkwise.model.tokenizer.Tokenizer;
import io.chunkwise.policy.PolicyText;
import io.chunkwise.runner.options.CalibrationOptions;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.LadderOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.terminal.Terminal;
import io.chunkwise.schedule.PolicyTrials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Finds a policy for a budget, and checks it on text that it was not chosen by. */
@Command(name = "calibrate", description = "Finds the policy for an adapter that costs least within a budget, and writes it as a file for "
        + "--policy.", sortOptions = false, defaultValueProvider = CalibrationOptions.Defaults.class,
        customSynopsis = {"chunkwise calibrate -m MODEL -a ADAPTER --text FILE -o FILE",
            "                          (--max-ppl-increase P | --mean-components N) [options]"},
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "You have an adapter and a text of the kind that it is for, best some that it was not trained on",
            "(20,000 tokens or more). You say what you would give: a little perplexity, for fewer components",
            "and a smaller KV cache; or so many components, for the best perplexity that they can have.",
            "",
            "The text is read in three parts. From the first it is learned after which tokens more components",
            "gain most. On the second, policies are tried: one rung for all tokens, bands of several rungs,",
            "fixed and threshold rungs, KV policies. One of them is chosen if it keeps the budget by more than",
            "the noise, two standard errors; bands only if they beat one rung of as many components by as much.",
            "The last fifth, or --held-out, decides nothing: it says what the chosen policy comes to on text",
            "that it has not seen. If the budget is not kept there, nothing is written (exit code 1).",
            "",
            "The file says in its comments what was tried and found, and how to use it. Bands need the token",
            "benefits that were learned: they are saved beside it as NAME.ladder.safetensors, for --ladder.",
            "",
            "Examples:",
            "  chunkwise calibrate -m models/stories -a my-adapter --text book.txt --max-ppl-increase 1%% \\",
            "      -o my-policy.yaml",
            "  chunkwise generate -m models/stories -a my-adapter --policy my-policy.yaml -p \"Once upon\"",
            "",
            "JSON: kind, policy (path; null where nothing was written), ladder (path or null), budget,",
            "predictedIncrease, measuredIncrease (fractions), predictedComponents, measuredComponents,",
            "kvBytes, kvBytesFull (peaks), withinBudget, candidates[], calibration, heldOut: docs/json.md."
        })
final class CalibrateCommand implements Callable<Integer> {
    private static final int FEWEST_WINDOWS = 4;

    private final Terminal terminal;

    @Spec
    private CommandSpec command;

    @Mixin
    private ModelOptions model;

    @Mixin
    private LadderOptions adapter;

    @Option(names = "--text", required = true, paramLabel = "FILE", order = 20, description = "Text to calibrate on, UTF-8.")
    private Path text;

    @Option(names = "--held-out", paramLabel = "FILE", order = 21,
            description = "Text to check the chosen policy on, which decides nothing (default: the last fifth of --text).")
    private Path heldOut;

    @ArgGroup(multiplicity = "1", order = 22)
    private Wanted wanted;

    /** Exactly one budget. */
    private static final class Wanted {
        @Option(names = "--max-ppl-increase", paramLabel = "P", required = true, order = 22,
                description = "Perplexity may rise by so much over that of the whole adapter with a full KV cache: 1%%, or 0.01.")
        private String increase;

        @Option(names = "--mean-components", paramLabel = "N", required = true, order = 23,
                description = "Active components per token and projection at most, on average.")
        private Double components;
    }

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "FILE", order = 24,
            description = "Policy to write; replaced if it is there, once the new one is complete.")
    private Path target;

    @Option(names = {"-w", "--window"}, paramLabel = "N", order = 30,
            description = "Ids that are read together; each window starts afresh (default: " + AdapterSession.DEFAULT_WINDOW
                    + ", or the context if it is shorter).")
    private Integer window;

    @Option(names = "--windows", paramLabel = "N", order = 31, defaultValue = "16",
            description = "Windows that each policy is tried on, spread over their part of the text; more tell smaller differences, and "
                    + "take longer (default: ${DEFAULT-VALUE}).")
    private int windows;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    CalibrateCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        executor.check();
        Budget budget = budget();
        ModelOrFile.requirePositive(command, "--windows", windows);
        if (window != null && window < 2) {
            throw usage("--window " + window + ": expected 2 or more");
        }
        if (windows < FEWEST_WINDOWS) {
            throw usage("--windows " + windows + ": fewer than " + FEWEST_WINDOWS + " tell nothing from noise");
        }
        TextSplit parts = TextSplit.of(TextSource.read(text), Optional.ofNullable(heldOut).map(TextSource::read));
        AdapterSession.Options options = new AdapterSession.Options(model, adapter, executor, output);
        try (ShownProgress progress = ShownProgress.of(terminal, output);
                AdapterSession session = AdapterSession.open(options, command,
                        window == null ? OptionalInt.empty() : OptionalInt.of(window), true, terminal, progress)) {
            CalibrationReport report = calibrate(session, parts, budget, progress);
            boolean within = report.checked().within(budget);
            if (within) {
                write(session, report);
            }
            progress.end();
            if (output.json()) {
                Json.print(terminal, report::writeJson);
            } else {
                EvaluationReport.print(terminal, report.text(terminal.width()));
            }
            return within ? 0 : 1;
        }
    }

    private Budget budget() {
        try {
            return wanted.increase == null ? new Budget.MeanComponents(wanted.components) : Budget.MaxIncrease.parse(wanted.increase);
        } catch (IllegalArgumentException e) {
            throw usage((wanted.increase == null ? "--mean-components: " : "--max-ppl-increase: ") + e.getMessage());
        }
    }

    private CalibrationReport calibrate(AdapterSession session, TextSplit parts, Budget budget, Progress progress) {
        Tokenizer tokenizer = session.model().tokenizer();
        int length = window != null ? window : session.executor().contextLength();
        List<Item<TextWindow>> validation = windows(tokenizer, parts.validation(), length, "--text " + text);
        List<Item<TextWindow>> unseen = windows(tokenizer, parts.heldOut(), length,
                heldOut == null ? "--text " + text : "--held-out " + heldOut);
        int[] start = tokenizer.encode("", true);
        int[] sample = tokenizer.encode(parts.sample(), false);
        CalibratedPolicy found = new PolicyCalibrator(session.trials(), start, sample, spread(validation), windows, progress)
                .calibrate(budget);
        PolicyTrials trials = found.ladder().map(ladder -> session.trials().with(ladder)).orElse(session.trials());
        PolicyCalibrator.HeldOut checked = PolicyCalibrator.HeldOut.measure(trials, unseen, found.chosen().candidate(), progress);
        Optional<Path> ladder = found.ladder().map(_ -> ladderFile());
        return new CalibrationReport(budget, found, checked, target, ladder,
                session.configuration(SessionConfiguration.begin("calibration")), String.valueOf(text.getFileName()),
                tokenizer.encode(parts.sample() + parts.validation(), false).length,
                heldOut == null ? "the last fifth of " + text.getFileName() : String.valueOf(heldOut.getFileName()), length);
    }

    private List<Item<TextWindow>> windows(Tokenizer tokenizer, String part, int length, String named) {
        List<Item<TextWindow>> cut;
        try {
            cut = new PerplexityRecipe.Strided(length, length).windows(tokenizer.encode(part, true), OptionalInt.empty());
        } catch (IllegalArgumentException e) {
            throw tooShort(named, length);
        }
        if (cut.size() < FEWEST_WINDOWS) {
            throw tooShort(named, length);
        }
        return cut;
    }

    private static IllegalArgumentException tooShort(String named, int length) {
        return new IllegalArgumentException(named + " is too short: every part of it needs " + FEWEST_WINDOWS + " windows of " + length
                + " tokens; give more text, or a smaller --window");
    }

    private List<Item<TextWindow>> spread(List<Item<TextWindow>> all) {
        int count = Math.min(windows, all.size());
        List<Item<TextWindow>> taken = new ArrayList<>();
        for (int at = 0; at < count; at++) {
            taken.add(all.get((int) ((long) at * all.size() / count)));
        }
        return taken;
    }

    private Path ladderFile() {
        String name = String.valueOf(target.getFileName());
        return target.resolveSibling(name.replaceFirst("\\.ya?ml$", "") + ".ladder.safetensors");
    }

    /** The ladder first: a policy is never there without it. */
    private void write(AdapterSession session, CalibrationReport report) throws IOException {
        if (report.ladder().isPresent()) {
            RankLadder ladder = report.found().ladder().orElseThrow();
            LadderFile.save(report.ladder().get(), ladder, session.model().config(), session.adapterHash());
        }
        Path folder = target.toAbsolutePath().getParent();
        Path unfinished = Files.createTempFile(folder, target.getFileName().toString(), ".tmp");
        try {
            Files.writeString(unfinished, PolicyText.of(report.found().chosen().candidate().policy(), report.comment()));
            Files.move(unfinished, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    private ParameterException usage(String problem) {
        return new ParameterException(command.commandLine(), problem);
    }
}
