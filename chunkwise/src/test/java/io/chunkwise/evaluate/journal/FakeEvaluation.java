package io.chunkwise.evaluate.journal;

import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.Evaluation;
import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.Shard;
import io.chunkwise.model.Progress;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Many small items whose results are numbers with all their digits.
 *
 * @param before called with an item's number before it is evaluated
 */
record FakeEvaluation(int count, IntConsumer before) implements Evaluation<Integer, FakeEvaluation.Row> {
    static final Configuration CONFIGURATION = Configuration.empty().with("kind", "fake").with("policy", "uniform:4").with("window", 512)
            .with("share", 0.1);

    /** @param text something with characters that JSON has to escape, of different lengths */
    record Row(double value, long square, String text, List<Integer> digits) {
    }

    @Override
    public List<Item<Integer>> items() {
        return IntStream.range(0, count).mapToObj(number -> new Item<>("item \"" + number + "\"", number)).toList();
    }

    @Override
    public Row evaluate(Item<Integer> item) {
        int number = item.content();
        before.accept(number);
        return new Row(Math.sin(number) * 1e-3, (long) number * number, "line\n\u2028\u0000 Ω 😀 ".repeat(number % 7),
                Integer.toString(number).chars().map(digit -> digit - '0').boxed().toList());
    }

    EvaluationRun<Row> run(Path file) {
        try (Journal<Row> journal = Journal.open(file, CONFIGURATION, Row.class)) {
            return EvaluationRun.of(this, Shard.ALL, journal, Progress.NONE);
        }
    }

    /** Numbers of all results: bit for bit what they are, in the order that they come in. */
    static List<Number> figures(List<Row> rows) {
        return List.of(rows.size(), rows.stream().mapToDouble(Row::value).sum(), rows.stream().mapToLong(Row::square).sum(),
                rows.stream().mapToInt(row -> row.text().length()).sum(), rows.hashCode());
    }

    /** A run that takes its time. @param args the file, the number of items, milliseconds for each */
    public static void main(String[] args) {
        int millis = Integer.parseInt(args[2]);
        new FakeEvaluation(Integer.parseInt(args[1]), _ -> {
            try {
                Thread.sleep(millis);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }).run(Path.of(args[0]));
    }
}
