package io.chunkwise.calibrate.budget;

import io.chunkwise.calibrate.BenefitCalibrator;
import io.chunkwise.calibrate.Calibration;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.perplexity.TextWindow;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.Progress;
import io.chunkwise.policy.RungKind;
import io.chunkwise.schedule.PolicyTrials;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * Finds the policy that costs least within a budget. One rung for all tokens comes first: the smallest one of either kind that is within
 * the budget. Bands by token benefit have to do with fewer components, or predict better with as many, by more than the noise of the
 * windows.
 * Last comes the KV cache: the policy that keeps fewest bytes and leaves the budget kept.
 */
public final class PolicyCalibrator {
    /** What the KV policy may add to perplexity where the budget is one of components. */
    static final double KV_INCREASE = 0.001;
    /** Of a budget of perplexity; what is left is for the KV cache. */
    static final double RUNGS_SHARE = 0.9;
    private static final int EXPECTED = 17; // candidates, roughly
    private static final double STEP = 0.95; // from one mean to the next lower one

    private final PolicyTrials plain;
    private final CandidateTrials trials;
    private final int[] start;
    private final int[] sample;
    private final int sampleWindows;
    private final Progress progress;
    private final int maxRank;

    /**
     * @param plain      whose ladder need not be calibrated
     * @param start      ids that begin a text: BOS usually
     * @param sample     ids that token benefits are learned from; none of the validation's
     * @param validation windows that candidates are measured on
     * @param windows    of the sample at most
     */
    public PolicyCalibrator(PolicyTrials plain, int[] start, int[] sample, List<Item<TextWindow>> validation, int windows,
            Progress progress) {
        this.plain = plain;
        this.start = start;
        this.sample = sample;
        this.sampleWindows = windows;
        this.progress = progress;
        maxRank = plain.ladder().maxRank();
        trials = new CandidateTrials(plain, validation, EXPECTED, progress);
    }

    public CalibratedPolicy calibrate(Budget budget) {
        return switch (budget) {
            case Budget.MaxIncrease(double fraction) -> withinIncrease(fraction);
            case Budget.MeanComponents(double components) -> withinComponents(components);
        };
    }

    private CalibratedPolicy withinIncrease(double whole) {
        double fraction = RUNGS_SHARE * whole;
        Trial uniform = smallestUniform(fraction);
        double components = uniform.figures().meanComponents();
        RungKind kind = uniform.candidate().policy().rungs();
        Optional<RankLadder> ladder = benefits(components);
        Optional<Trial> adaptive = Optional.empty();
        for (double mean = below(components, kind); ladder.isPresent() && mean > 0; mean = below(mean, kind)) {
            Optional<Trial> best = measure(Candidates.adaptive(mean, kind, maxRank, Double.POSITIVE_INFINITY)).stream()
                    .filter(trial -> trial.upperIncrease() <= fraction)
                    .filter(trial -> trial.figures().meanComponents() < components && beatsUniform(trial, kind))
                    .min(byComponents());
            if (best.isEmpty()) {
                break;
            }
            adaptive = best;
        }
        String reason = adaptive.map(found -> String.format(Locale.ROOT,
                "%s meets the budget with %.2f components, one rung for all tokens takes %.2f", found.candidate().name(),
                found.figures().meanComponents(), components))
                .orElse("one rung for all tokens: bands with fewer components did not meet the budget, or were not better than one rung of "
                + "as many by more than the noise");
        Trial rungs = adaptive.orElse(uniform);
        Trial chosen = fewestBytes(rungs, trial -> trial.upperIncrease() - whole);
        return new CalibratedPolicy(trials.all(), chosen, chosen.candidate().adaptive() ? ladder : Optional.empty(), reason);
    }

    private CalibratedPolicy withinComponents(double components) {
        double all = Math.min(components, maxRank);
        Trial uniform = Stream.of(RungKind.values()).map(kind -> trials.measure(Candidates.uniform(
                kind == RungKind.FIXED ? Math.floor(all) : all, kind, maxRank))).filter(trial -> within(trial, components)).min(byLoss())
                .orElseThrow(() -> new IllegalArgumentException("no rung of the adapter has " + components + " components or fewer"));
        RungKind kind = uniform.candidate().policy().rungs();
        double mean = kind == RungKind.FIXED ? Math.floor(all) : all;
        Optional<RankLadder> ladder = mean < maxRank ? benefits(mean) : Optional.empty();
        Optional<Trial> adaptive = ladder.isEmpty() ? Optional.empty()
                : measure(Candidates.adaptive(mean, kind, maxRank, components)).stream().filter(trial -> within(trial, components))
                .min(byLoss()).map(best -> Stream.of(best, trials.measure(Candidates.withoutFade(best.candidate())))
                .filter(trial -> within(trial, components)).min(byLoss()).orElseThrow()).filter(trial -> trial.beats(uniform));
        String reason = adaptive.map(found -> found.candidate().name() + " predicts better than one rung of as many components")
                .orElse("one rung for all tokens: bands around it were not better by more than the noise");
        Trial rungs = adaptive.orElse(uniform);
        Trial chosen = fewestBytes(rungs, trial -> trial.upperIncreaseOver(rungs) - KV_INCREASE);
        return new CalibratedPolicy(trials.all(), chosen, chosen.candidate().adaptive() ? ladder : Optional.empty(), reason);
    }

    /**
     * What a candidate comes to on windows that nothing was chosen by.
     *
     * @param full   of the whole adapter with a full KV cache
     * @param chosen of the candidate
     */
    public record HeldOut(Trial full, Trial chosen) {
        public static HeldOut measure(PolicyTrials on, List<Item<TextWindow>> windows, Candidate candidate, Progress progress) {
            CandidateTrials trials = new CandidateTrials(on, windows, 2, progress);
            return new HeldOut(trials.full(), trials.measure(candidate));
        }

        /** Whether the budget is kept here, too. */
        public boolean within(Budget budget) {
            return switch (budget) {
                case Budget.MaxIncrease(double fraction) -> chosen.increase() <= fraction;
                case Budget.MeanComponents(double components) -> PolicyCalibrator.within(chosen, components);
            };
        }
    }

    /** Whether its components are as few as asked for, but for rounding to whole components over all sites. */
    private static boolean within(Trial trial, double components) {
        return trial.figures().meanComponents() <= components + 0.02;
    }

    /** Of threshold rungs, usually; of fixed ones where they do with fewer. */
    private Trial smallestUniform(double fraction) {
        Trial threshold = smallest(RungKind.THRESHOLD, maxRank, fraction);
        double fewer = Math.ceil(threshold.figures().meanComponents()) - 1;
        Trial fixed = trials.measure(Candidates.uniform(Math.max(0, fewer), RungKind.FIXED, maxRank));
        return fewer >= 0 && fixed.upperIncrease() <= fraction ? smallest(RungKind.FIXED, (int) fewer, fraction) : threshold;
    }

    /**
     * The smallest uniform rung that is within the budget, by bisection: more components are better, but for noise.
     *
     * @param enough components that are within
     */
    private Trial smallest(RungKind kind, int enough, double fraction) {
        int steps = kind == RungKind.FIXED ? 1 : 2; // per component
        int low = -1; // not within, or not there
        int high = enough * steps;
        while (high - low > 1) {
            int middle = (low + high) / 2;
            if (trials.measure(Candidates.uniform((double) middle / steps, kind, maxRank)).upperIncrease() <= fraction) {
                high = middle;
            } else {
                low = middle;
            }
        }
        return trials.measure(Candidates.uniform((double) high / steps, kind, maxRank));
    }

    /** Learns token benefits for policies of about so many components; empty where there are no rungs to decide between. */
    private Optional<RankLadder> benefits(double components) {
        if (maxRank < 2 || components < 1 || sample.length == 0) {
            return Optional.empty();
        }
        Calibration learned = new BenefitCalibrator(plain.executor(), plain.config()).calibrate(plain.ladder(), start, sample,
                Math.clamp(Math.round(components), 1, maxRank), sampleWindows,
                (_, done, total) -> progress.report("token benefits", done, total));
        RankLadder calibrated = plain.ladder().withBenefit(learned.benefit());
        trials.use(plain.with(calibrated));
        return Optional.of(calibrated);
    }

    /** Against one rung of as many components as it used, or a little more. */
    private boolean beatsUniform(Trial trial, RungKind kind) {
        double components = trial.figures().meanComponents();
        double rung = kind == RungKind.FIXED ? Math.ceil(components) : Math.ceil(2 * components) / 2;
        return trial.beats(trials.measure(Candidates.uniform(rung, kind, maxRank)));
    }

    private static double below(double mean, RungKind kind) {
        double steps = kind == RungKind.FIXED ? 1 : 2;
        return Math.min(Math.floor(STEP * mean * steps), Math.ceil(mean * steps) - 1) / steps;
    }

    private List<Trial> measure(List<Candidate> candidates) {
        return candidates.stream().map(trials::measure).toList();
    }

    /** @param above by how much a trial is above what it may be */
    private Trial fewestBytes(Trial rungs, ToDoubleFunction<Trial> above) {
        Stream<Trial> caches = measure(Candidates.caches(rungs.candidate())).stream().filter(trial -> above.applyAsDouble(trial) <= 0);
        return Stream.concat(Stream.of(rungs), caches).min(Comparator.comparingLong(trial -> trial.figures().kvBytes())).orElseThrow();
    }

    private static Comparator<Trial> byLoss() {
        return Comparator.comparingDouble(trial -> trial.figures().nll());
    }

    private static Comparator<Trial> byComponents() {
        return Comparator.comparingDouble(trial -> trial.figures().meanComponents());
    }
}
