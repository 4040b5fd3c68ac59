package io.chunkwise.runner;

import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Fingerprint;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.ablation.AblationEvaluation;
import io.chunkwise.evaluate.ablation.AblationPlan;
import io.chunkwise.evaluate.ablation.AblationRow;
import io.chunkwise.evaluate.ablation.AblationVariant;
import io.chunkwise.evaluate.ablation.Experiment;
import io.chunkwise.evaluate.journal.Journal;
import io.chunkwise.evaluate.perplexity.PerplexityRecipe;
import io.chunkwise.evaluate.perplexity.TextWindow;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.JournalOptions;
import io.chunkwise.runner.options.LadderOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.options.PolicyName;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.terminal.Terminal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What each part of the method is worth: policies that differ in one thing, on the same windows of a text. */
@Command(name = "ablate", description = "Measures what each part of the method is worth, on the same windows of a text.",
        sortOptions = false,
        customSynopsis = "chunkwise eval ablate -m MODEL -a ADAPTER --text FILE --window N [options]",
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Experiments:",
            "  signals  what decides which tokens get more components: all signals, each alone, each left",
            "           out, and the token benefits of a calibrated ladder",
            "  fade     cross-fades of 0, 1, 4, 8 and 16 tokens; 0 is a hard switch",
            "  rank     the same number of components for all tokens, or the policy's bands around it, with",
            "           fixed rungs and with threshold rungs",
            "  kv       KV policies",
            "",
            "Each row has its perplexity, active components, the most that the KV cache took, the time per",
            "token, and by how much its loss differs from that of the row that it is compared with, with the",
            "standard error over windows; negative is better. Where 'rank' is among the experiments, every",
            "adaptive row is also compared with uniform ranks of as many components as it came to use.",
            "",
            "Examples:",
            "  chunkwise eval ablate -m models/stories -a my-adapter --text book.txt --window 512",
            "  chunkwise eval ablate -m models/stories -a my-adapter --text book.txt --window 512 \\",
            "      --experiments kv --kv-policies full,q8,adaptive --output results.jsonl",
            "",
            "JSON: kind, model, adapter, ladder, text, window, executor, device, version, rows[] of",
            "experiment, variant, reference, policy, kvPolicy, windows, tokens, nll, perplexity,",
            "meanComponents, kvBytes (peak), msPerToken, difference, standardError, atUniform,",
            "atUniformError; items, evaluated, resumed, shard, output: docs/json.md."
        })
final class EvalAblateCommand implements Callable<Integer> {
    static final String KIND = "ablation";
    private static final int SMALLEST_KV_WINDOW = 2 * KvPage.TOKENS;

    private final Terminal terminal;

    @Spec
    private CommandSpec command;

    @Mixin
    private ModelOptions model;

    @Mixin
    private LadderOptions adapter;

    @Option(names = "--text", required = true, paramLabel = "FILE", order = 20, description = "Text, UTF-8.")
    private Path text;

    @Option(names = {"-w", "--window"}, required = true, paramLabel = "N", order = 21,
            description = "Ids that are read together; each window starts afresh, and its first id is not scored.")
    private int window;

    @Option(names = "--experiments", paramLabel = "NAME", order = 22, split = ",", defaultValue = "signals,fade,rank,kv",
            description = "Which experiments to do, see below (default: ${DEFAULT-VALUE}).")
    private List<String> experimentNames;

    @Option(names = "--policy", paramLabel = "adaptive|FILE", order = 50, defaultValue = "adaptive",
            description = "Policy that is varied (default: ${DEFAULT-VALUE}).")
    private String policyName;

    @Option(names = "--components", paramLabel = "N", order = 51, split = ",", defaultValue = "4,8,16",
            description = "Active components at which uniform and adaptive ranks are compared; those that the adapter does not have are "
                    + "left out (default: ${DEFAULT-VALUE}).")
    private List<Integer> components;

    @Option(names = "--kv-policies", paramLabel = "NAME", order = 52, split = ",",
            description = "KV policies; the others are compared with the first (default: full,q8,adaptive and window:N for half of "
                    + "--window).")
    private List<String> kvPolicyNames;

    @Mixin
    private JournalOptions journal;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    EvalAblateCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        executor.check();
        journal.check();
        Set<Experiment> experiments = usageChecked(this::experiments);
        ChunkPolicy policy = usageChecked(() -> PolicyName.resolve(policyName));
        List<KvPolicy> caches = usageChecked(() -> kvPolicies(policy.kv()));
        PerplexityRecipe recipe = usageChecked(() -> new PerplexityRecipe.Strided(window, window));
        components.forEach(each -> ModelOrFile.requirePositive(command, "--components", each));
        String read = TextSource.read(text);
        AdapterSession.Options options = new AdapterSession.Options(model, adapter, executor, output);
        try (ShownProgress progress = ShownProgress.of(terminal, output);
                AdapterSession session = AdapterSession.open(options, command, OptionalInt.of(window),
                        experiments.contains(Experiment.KV), terminal, progress)) {
            List<AblationVariant> variants = usageChecked(() -> new AblationPlan(policy, session.ladder().maxRank(),
                    session.ladder().benefit().isPresent(), components, caches).variants(experiments));
            int[] ids = session.model().tokenizer().encode(read, true);
            List<Item<TextWindow>> windows = recipe.windows(ids, OptionalInt.empty());
            AblationEvaluation evaluation = new AblationEvaluation(variants, windows, session.trials());
            Configuration configuration = session.configuration(SessionConfiguration.begin(KIND)
                    .with("text", String.valueOf(text.getFileName())).with("idsSha256", Fingerprint.ofIds(ids)).with("window", window)
                    .with("items", evaluation.items().size()).with("variantsSha256", Fingerprint.ofTexts(variants.stream()
                            .map(each -> each.name() + " " + Fingerprint.ofPolicies(each.policy(), each.kv())).toList())));
            try (Journal<AblationRow> results = journal.open(configuration, AblationRow.class)) {
                if (results.size() < journal.shard().select(evaluation.items()).size()) {
                    evaluation.warmUp();
                }
                EvaluationRun<AblationRow> run = EvaluationRun.of(evaluation, journal.shard(), results, progress);
                progress.end();
                report(session, run, configuration);
            }
        }
        return 0;
    }

    private Set<Experiment> experiments() {
        Set<Experiment> experiments = EnumSet.noneOf(Experiment.class);
        experimentNames.forEach(name -> experiments.add(Experiment.of(name)));
        return experiments;
    }

    private List<KvPolicy> kvPolicies(KvBounds bounds) {
        List<String> names = kvPolicyNames;
        if (names == null) {
            names = new ArrayList<>(List.of("full", "q8", "adaptive"));
            int half = window / 2 / KvPage.TOKENS * KvPage.TOKENS;
            if (half >= SMALLEST_KV_WINDOW) { // else there is no room for it beside the first page
                names.add("window:" + half);
            }
        }
        List<KvPolicy> policies = new ArrayList<>();
        for (String name : names) {
            KvPolicy policy = KvPolicy.parse(name, bounds);
            if (policies.stream().anyMatch(other -> other.word().equals(policy.word()))) {
                throw new IllegalArgumentException("--kv-policies: " + name + " is given twice");
            }
            policies.add(policy);
        }
        return policies;
    }

    private void report(AdapterSession session, EvaluationRun<AblationRow> run, Configuration configuration) {
        if (output.json()) {
            Json.print(terminal, json -> {
                AblationReport.json(json, run.rows(), configuration);
                EvaluationReport.run(json, configuration, journal, run);
            });
            return;
        }
        EvaluationReport.print(terminal, AblationReport.text(run.rows(), terminal.width()));
        if (output.remarks()) {
            EvaluationReport.remarks(journal, run).forEach(terminal.err()::println);
            terminal.err().println(session.description());
        }
    }

    @FunctionalInterface
    private interface Checked<T> {
        T get();
    }

    private <T> T usageChecked(Checked<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage());
        }
    }
}
