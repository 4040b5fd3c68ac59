package io.chunkwise.evaluate.squad;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What questions come to, in percent as the official scorer gives it; NaN where there are no questions of the kind.
 *
 * @param total       questions
 * @param hasAnsTotal of them, those that the text answers
 */
public record SquadFigures(
        double exact, double f1, int total, double hasAnsExact, double hasAnsF1, int hasAnsTotal, double noAnsExact, double noAnsF1,
        int noAnsTotal) {

    public static SquadFigures of(List<SquadRow> rows) {
        List<SquadRow> answerable = rows.stream().filter(SquadRow::answerable).toList();
        List<SquadRow> others = rows.stream().filter(row -> !row.answerable()).toList();
        return new SquadFigures(percent(rows, SquadRow::exact), percent(rows, SquadRow::f1), rows.size(),
                percent(answerable, SquadRow::exact), percent(answerable, SquadRow::f1), answerable.size(),
                percent(others, SquadRow::exact), percent(others, SquadRow::f1), others.size());
    }

    private static double percent(List<SquadRow> rows, ToDoubleFunction<SquadRow> of) {
        return 100 * rows.stream().mapToDouble(of).sum() / rows.size();
    }
}
