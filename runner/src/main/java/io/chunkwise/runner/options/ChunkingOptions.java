package io.chunkwise.runner.options;

import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.policy.RungKind;
import io.chunkwise.policy.SignalKind;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How a text is cut into chunks, which rung each gets, and what becomes of its part of the KV cache. */
public final class ChunkingOptions {
    private static final Set<Integer> FADES = Set.of(0, 1, 4, 8, 16);

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = "--policy", paramLabel = "uniform:R|adaptive|FILE", order = 50,
            description = "How many adapter components each part of the text gets: uniform:R gives all of it R (uniform:max all there "
                    + "are), adaptive gives more where they gain more, FILE is a policy in YAML; 'chunkwise policy' prints one "
                    + "to copy (default: uniform:max).")
    private String policyName;

    @Option(names = "--rungs", paramLabel = "fixed|threshold", order = 51,
            description = "How components are chosen: fixed takes the same number at every projection, threshold the strongest of all "
                    + "projections together, that many on average (default: the policy's; fixed).")
    private String rungs;

    @Option(names = "--signals", paramLabel = "NAME", order = 52, split = ",",
            description = "Decide by these signals only: some of entropy, ngram, attention, prior; or by benefit alone, which takes a "
                    + "ladder that is calibrated ('chunkwise ladder --calibrate') (default: the policy's).")
    private List<String> signals;

    @Option(names = "--fade", paramLabel = "0|1|4|8|16", order = 53,
            description = "Tokens over which one chunk's rung fades into the next one's; 0 is a hard switch (default: the policy's).")
    private Integer fade;

    @Option(names = "--budget", paramLabel = "N", order = 54,
            description = "Active components per token and projection at most, on average over the text so far (default: the policy's).")
    private Double budget;

    @Option(names = "--kv-policy", paramLabel = "full|q8|adaptive|window:N", order = 55, defaultValue = "full",
            description = "How the KV cache is kept behind its first and its newest tokens: full as --kv-type says, q8 in 8 bits, adaptive "
                    + "in what the chunk's band allows and the measured error permits, window:N the newest N tokens only, so that a text "
                    + "may be longer than the context (default: ${DEFAULT-VALUE}).")
    private String kvPolicyName;

    @Option(names = "--kv-max-error", paramLabel = "X", order = 56,
            description = "Relative error of attention outputs that --kv-policy adaptive accepts of a page (default: the policy's; "
                    + "of the built-in ones 0.02).")
    private Double kvMaxError;

    private ChunkPolicy policy;
    private KvPolicy kvPolicy;

    /** What the options come to; {@link #check} comes first. */
    public ChunkPolicy policy() {
        return policy;
    }

    /** What the options come to; {@link #check} comes first. */
    public KvPolicy kvPolicy() {
        return kvPolicy;
    }

    /** The policy and what was changed about it, for people: "adaptive, fade 4". */
    public String description() {
        StringBuilder text = new StringBuilder(policy.name());
        if (rungs != null) {
            text.append(", ").append(rungs).append(" rungs");
        }
        if (signals != null) {
            text.append(", signals ").append(String.join(" ", signals));
        }
        if (fade != null) {
            text.append(", fade ").append(fade);
        }
        if (budget != null) {
            text.append(", budget ").append(budget == Math.rint(budget) ? Long.toString(Math.round(budget)) : budget.toString());
        }
        return text.toString();
    }

    /**
     * @param adapter checked already
     * @throws ParameterException                           if options contradict each other or are out of range
     * @throws io.chunkwise.model.format.FormatException if a policy's file is malformed
     */
    public void check(AdapterOptions adapter) {
        if (policyName != null && adapter.given("--rank")) {
            throw problem("--rank and --policy exclude each other: --rank N is short for --policy uniform:N");
        }
        ChunkPolicy base = policyName == null ? ofRank(adapter.rank()) : named(policyName);
        kvPolicy = kvPolicy(base);
        if (!adapter.any()) {
            checkWithoutAdapter();
        }
        checkOverrides(base);
        policy = overridden(base);
        adapter.mergedComponents().ifPresent(merged -> checkMerging(policy, merged));
    }

    private static ChunkPolicy ofRank(RankLimit rank) {
        return switch (rank) {
            case RankLimit.Max() -> ChunkPolicy.uniformMax();
            case RankLimit.Exactly(int components) -> ChunkPolicy.uniform(components);
        };
    }

    private ChunkPolicy named(String name) {
        try {
            return PolicyName.resolve(name);
        } catch (IllegalArgumentException e) {
            throw problem(e.getMessage());
        }
    }

    private KvPolicy kvPolicy(ChunkPolicy base) {
        KvBounds bounds = base.kv();
        if (kvMaxError != null) {
            if (!kvPolicyName.equals("adaptive")) {
                throw problem("--kv-max-error belongs to --kv-policy adaptive, not " + kvPolicyName);
            }
            if (!(kvMaxError >= 0 && kvMaxError <= 1)) {
                throw problem("--kv-max-error " + kvMaxError + ": expected a number from 0 to 1");
            }
            bounds = new KvBounds(bounds.recentTokens(), kvMaxError, bounds.massBound());
        }
        try {
            return KvPolicy.parse(kvPolicyName, bounds);
        } catch (IllegalArgumentException e) {
            throw problem("--kv-policy " + kvPolicyName + ": " + e.getMessage());
        }
    }

    private void checkWithoutAdapter() {
        for (String option : new String[] {"--rungs", "--fade", "--budget"}) {
            if (given(option)) {
                throw problem(option + " needs an adapter: add --adapter PATH");
            }
        }
        if (policyName != null && !(kvPolicy instanceof KvPolicy.Adaptive)) {
            throw problem("--policy " + policyName + " chooses components of an adapter: add --adapter PATH, or --kv-policy adaptive, "
                    + "which uses the policy's bands, too");
        }
    }

    private void checkOverrides(ChunkPolicy base) {
        if (!base.estimates()) {
            for (String option : new String[] {"--signals", "--fade", "--budget"}) {
                if (given(option)) {
                    throw problem(option + " means nothing to policy '" + base.name() + "', which treats all tokens alike; "
                            + "add --policy adaptive");
                }
            }
        }
        if (rungs != null && base.bands().stream().allMatch(band -> band.components() == 0 || band.components() == Band.ALL_COMPONENTS)) {
            throw problem("--rungs means nothing to policy '" + base.name() + "', which takes all components or none");
        }
        if (rungs != null && !rungs.equals("fixed") && !rungs.equals("threshold")) {
            throw problem("--rungs " + rungs + ": expected fixed or threshold");
        }
        if (fade != null && !FADES.contains(fade)) {
            throw problem("--fade " + fade + ": expected 0, 1, 4, 8 or 16");
        }
        if (budget != null && !(budget >= 0 && budget < Double.POSITIVE_INFINITY)) {
            throw problem("--budget " + budget + ": expected a number from 0 up");
        }
    }

    private ChunkPolicy overridden(ChunkPolicy base) {
        try {
            ChunkPolicy changed = base;
            if (rungs != null) {
                changed = changed.withRungs(rungs.equals("fixed") ? RungKind.FIXED : RungKind.THRESHOLD);
            }
            if (signals != null) {
                Set<SignalKind> kept = EnumSet.noneOf(SignalKind.class);
                signals.forEach(word -> kept.add(SignalKind.of(word)));
                changed = changed.withSignals(kept);
            }
            if (fade != null) {
                changed = changed.withFade(fade);
            }
            return budget == null ? changed : changed.withBudget(budget);
        } catch (IllegalArgumentException e) {
            throw problem((signals == null ? "" : "--signals " + String.join(",", signals) + ": ") + e.getMessage());
        }
    }

    private void checkMerging(ChunkPolicy chosen, int merged) {
        for (Band band : chosen.bands()) {
            if (band.scale() != 1) {
                throw problem("--merge-rung: band '" + band.name() + "' of policy '" + chosen.name() + "' has scale " + band.scale()
                        + ", but merged components always act at scale 1");
            }
        }
        if (!chosen.estimates() && chosen.bands().getFirst().components() < merged) {
            throw problem("--merge-rung " + merged + " leaves no token with fewer components than that, and policy '" + chosen.name()
                    + "' wants fewer");
        }
    }

    private boolean given(String option) {
        return command.commandLine().getParseResult().hasMatchedOption(option);
    }

    /** A value that the command line must not have, as it turned out. */
    public ParameterException problem(String message) {
        return new ParameterException(command.commandLine(), message);
    }
}
