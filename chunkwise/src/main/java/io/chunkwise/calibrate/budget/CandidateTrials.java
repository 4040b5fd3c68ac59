package io.chunkwise.calibrate.budget;

import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.perplexity.PerplexityEvaluation;
import io.chunkwise.evaluate.perplexity.PerplexityRow;
import io.chunkwise.evaluate.perplexity.TextWindow;
import io.chunkwise.model.Progress;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.schedule.PolicyTrials;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Candidates on the windows of one text, each measured once. The first trial is that of the whole adapter with a full KV cache. */
final class CandidateTrials {
    private final List<Item<TextWindow>> windows;
    private final SequencedMap<String, Trial> trials = new LinkedHashMap<>();
    private final Progress progress;
    private final int expected; // candidates, roughly
    private PolicyTrials on;

    CandidateTrials(PolicyTrials on, List<Item<TextWindow>> windows, int expected, Progress progress) {
        this.on = on;
        this.windows = List.copyOf(windows);
        this.expected = expected;
        this.progress = progress;
        measure(Candidate.full("uniform:max", ChunkPolicy.uniformMax()));
    }

    /** From now on with a ladder that knows token benefits. */
    void use(PolicyTrials calibrated) {
        on = calibrated;
    }

    Trial full() {
        return trials.firstEntry().getValue();
    }

    /** In the order in which they were measured. */
    List<Trial> all() {
        return List.copyOf(trials.values());
    }

    Trial measure(Candidate candidate) {
        String key = candidate.name() + " | " + candidate.kvName();
        Trial known = trials.get(key);
        if (known != null) {
            return known;
        }
        PerplexityEvaluation evaluation = new PerplexityEvaluation(windows, on.scheduler(candidate.policy(), candidate.kv()));
        List<PerplexityRow> rows = new ArrayList<>();
        int done = trials.size() * windows.size();
        int total = Math.max(expected, trials.size() + 2) * windows.size();
        for (Item<TextWindow> window : windows) {
            progress.report("trying policies", done + rows.size(), total);
            rows.add(evaluation.evaluate(window));
        }
        Trial trial = Trial.of(candidate, rows, trials.isEmpty() ? rows : full().rows());
        trials.put(key, trial);
        return trial;
    }
}
