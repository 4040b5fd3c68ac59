package io.chunkwise.evaluate.bleu;

import io.chunkwise.evaluate.Evaluation;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.answer.Answer;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Compares segments with their references. */
public final class BleuEvaluation implements Evaluation<Segment, BleuRow> {
    private final List<Item<Segment>> segments;
    private final Function<Segment, BleuRow> row;

    private BleuEvaluation(List<Segment> segments, Function<Segment, BleuRow> row) {
        this.segments = IntStream.range(0, segments.size()).mapToObj(at -> new Item<>(Integer.toString(at), segments.get(at))).toList();
        this.row = row;
    }

    /** @param hypotheses segments whose text is the hypothesis; their ids are their numbers, from 0 */
    public static BleuEvaluation ofHypotheses(List<Segment> hypotheses, BleuMetric metric) {
        return new BleuEvaluation(hypotheses,
                segment -> new BleuRow(segment.text(), metric.score(segment.text(), segment.references()), null));
    }

    /**
     * @param sources segments whose text is what the model is given; their ids are their numbers, from 0
     * @param model   translates a source
     */
    public static BleuEvaluation ofModel(List<Segment> sources, Function<String, Answer> model, BleuMetric metric) {
        return new BleuEvaluation(sources, segment -> {
            Answer answer = model.apply(segment.text());
            String hypothesis = answer.text().strip();
            return new BleuRow(hypothesis, metric.score(hypothesis, segment.references()), answer);
        });
    }

    @Override
    public List<Item<Segment>> items() {
        return segments;
    }

    @Override
    public BleuRow evaluate(Item<Segment> item) {
        return row.apply(item.content());
    }
}
