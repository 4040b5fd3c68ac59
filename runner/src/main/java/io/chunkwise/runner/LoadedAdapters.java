package io.chunkwise.runner;

import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.LadderFile;
import io.chunkwise.ladder.MergedRung;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.Rung;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.BenefitUse;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.RungKind;
import io.chunkwise.policy.SignalKind;
import io.chunkwise.runner.options.AdapterSequence;
import io.chunkwise.runner.terminal.Terminal;
import io.chunkwise.schedule.AdapterUse;
import io.chunkwise.selection.RungSelector;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;

/**
 * The adapters of a command line, cut into the rungs of its policy.
 *
 * @param names         of the files, in the order of the command line
 * @param uses          which is in use from which token on
 * @param merged        the model with the lowest rung in its weights, which the caller closes; empty without --merge-rung
 * @param rank          components in use at the site and in the band that have most; merged ones included
 * @param maxComponents mean over the sites of the largest adapter
 */
record LoadedAdapters(List<String> names, List<AdapterUse> uses, Optional<LlamaModel> merged, int rank, double maxComponents) {

    /** @throws picocli.CommandLine.ParameterException if more components are asked for than any adapter has */
    static LoadedAdapters load(Session.Options options, LlamaModel base, Terminal terminal, Progress progress) {
        AdapterSequence sequence = options.adapter().sequence();
        ChunkPolicy policy = options.chunking().policy();
        Map<String, RungSelector> selectors = new HashMap<>();
        selectors.put(AdapterSequence.NONE, RungSelector.base(policy));
        Map<String, Adapter> plain = new HashMap<>();
        sequence.files().forEach((name, path) -> plain.put(name, renamed(AdapterFiles.open(path, base.config(), progress), name)));
        requireComponents(options, plain.values().stream().mapToInt(Adapter::maxRank).max().orElse(0));
        Optional<LlamaModel> merged = Optional.empty();
        int rank = 0;
        for (Map.Entry<String, Path> file : sequence.files().entrySet()) {
            Adapter adapter = plain.get(file.getKey());
            RungSelector selector;
            if (options.adapter().mergedComponents().isPresent()) { // then this is the only adapter
                RankLadder ladder = ladder(adapter, file.getValue(), base, options, terminal, progress);
                Rung rung = rung(policy.rungs(), ladder, options.adapter().mergedComponents().getAsInt());
                selector = RungSelector.merged(policy, ladder, rung);
                merged = Optional.of(MergedRung.merge(base, ladder, rung, progress));
                rank = rank(adapter, selector, policy, at -> ladder.sites().get(at).components(rung));
            } else {
                selector = policy.needsLadder(adapter.maxRank()) || policy.estimation().benefit() == BenefitUse.REQUIRE
                        ? RungSelector.of(policy, ladder(adapter, file.getValue(), base, options, terminal, progress))
                        : RungSelector.plain(policy, adapter);
                rank = Math.max(rank, rank(adapter, selector, policy, _ -> 0));
            }
            selectors.put(file.getKey(), selector);
        }
        List<AdapterUse> uses = sequence.entries().stream()
                .map(entry -> new AdapterUse(entry.fromToken(), selectors.get(entry.name()))).toList();
        double maxComponents = plain.values().stream().mapToDouble(LoadedAdapters::meanRank).max().orElse(0);
        return new LoadedAdapters(List.copyOf(sequence.files().keySet()), uses, merged, rank, maxComponents);
    }

    private static Rung rung(RungKind kind, RankLadder ladder, int components) {
        return switch (kind) {
            case FIXED -> new Rung.Uniform(components);
            case THRESHOLD -> new Rung.Threshold(ladder.thresholdForMeanRank(components));
        };
    }

    private static void requireComponents(Session.Options options, int largest) {
        ChunkPolicy policy = options.chunking().policy();
        double wanted = policy.bands().getFirst().components();
        if (options.adapter().any() && !policy.estimates() && wanted != Band.ALL_COMPONENTS && wanted > largest) {
            throw options.adapter().problem("--" + (options.adapter().given("--rank") ? "rank " : "policy uniform:") + (int) wanted
                    + ": the adapter has rank " + largest + "; use a number up to it, or max");
        }
        options.adapter().mergedComponents().ifPresent(components -> {
            if (components > largest) {
                throw options.adapter().problem("--merge-rung " + components + ": the adapter has rank " + largest
                        + "; use a number up to it");
            }
        });
    }

    /** Says what the chunks of each adapter go by, where its calibration could decide that. */
    void remarkScores(ChunkPolicy policy, Terminal terminal) {
        if (!policy.estimates() || policy.estimation().benefit() == BenefitUse.IGNORE) {
            return;
        }
        String signals = policy.estimation().signals().stream().map(SignalKind::word).collect(Collectors.joining(", "));
        uses.stream().map(AdapterUse::selector).filter(selector -> !selector.name().isEmpty()).distinct().forEach(selector ->
                terminal.err().println(policy.scoring(selector.benefit()).isPresent()
                        ? "chunks go by what components of adapter " + selector.name() + " gain, as its ladder was calibrated"
                        : "chunks go by " + signals + ", because the ladder of adapter " + selector.name()
                                + " is not calibrated; 'chunkwise ladder --calibrate TEXT' does that"));
        terminal.err().flush();
    }

    private static Adapter renamed(Adapter adapter, String name) {
        return new Adapter(name, adapter.groups(), adapter.sites());
    }

    private static RankLadder ladder(
            Adapter plain, Path adapter, LlamaModel base, Session.Options options, Terminal terminal, Progress progress) {
        Path saved = options.adapter().ladder().orElseGet(() -> LadderFile.beside(adapter));
        if (options.adapter().ladder().isPresent() || Files.exists(saved)) {
            return LadderFile.load(saved, base.config(), AdapterFiles.hash(adapter)).named(plain.name());
        }
        if (options.output().remarks()) {
            terminal.err().println("building a rank ladder in memory; 'chunkwise ladder' saves it for the next time");
            terminal.err().flush();
        }
        return LadderBuilder.build(plain, progress);
    }

    /** @param merged components in the weights, per site */
    private static int rank(Adapter plain, RungSelector selector, ChunkPolicy policy, ToIntFunction<AdapterSite> merged) {
        int most = 0;
        for (int band = 0; band < policy.bands().size(); band++) {
            int groups = selector.select(band).activeGroups();
            for (AdapterSite at : plain.sites().keySet()) {
                // None where all of it is merged, or nothing of it is used.
                Optional<LowRankPair> pair = selector.adapter().map(adapter -> adapter.sites().get(at));
                most = Math.max(most, merged.applyAsInt(at) + pair.map(present -> present.activeRank(groups)).orElse(0));
            }
        }
        return most;
    }

    private static double meanRank(Adapter adapter) {
        return adapter.sites().values().stream().mapToInt(LowRankPair::rank).average().orElse(0);
    }
}
