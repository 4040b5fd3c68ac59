package io.chunkwise.evaluate;

import io.chunkwise.evaluate.journal.Journal;
import io.chunkwise.model.Progress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a run over items came to.
 *
 * @param rows    results in the order of the items, whichever run computed them
 * @param resumed how many of them the journal had before
 */
public record EvaluationRun<R>(List<R> rows, int resumed) {

    public EvaluationRun {
        rows = List.copyOf(rows);
    }

    /**
     * Evaluates the items of a shard that the journal lacks, and writes each result to the journal before the next item begins. Results of
     * other items may be in the journal; they do not count.
     *
     * @param progress told after every item
     */
    public static <T, R> EvaluationRun<R> of(Evaluation<T, R> evaluation, Shard shard, Journal<R> journal, Progress progress) {
        List<Item<T>> selected = shard.select(evaluation.items());
        int resumed = (int) selected.stream().filter(item -> journal.row(item.id()).isPresent()).count();
        int done = resumed;
        List<R> rows = new ArrayList<>(selected.size());
        for (Item<T> item : selected) {
            Optional<R> known = journal.row(item.id());
            if (known.isPresent()) {
                rows.add(known.get());
            } else {
                progress.report("evaluating", done, selected.size());
                R row = evaluation.evaluate(item);
                journal.append(item.id(), row);
                rows.add(row);
                progress.report("evaluating", ++done, selected.size());
            }
        }
        return new EvaluationRun<>(rows, resumed);
    }
}
