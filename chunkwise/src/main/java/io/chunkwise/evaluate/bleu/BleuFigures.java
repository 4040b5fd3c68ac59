package io.chunkwise.evaluate.bleu;

import java.util.List;

/** What segments come to, in percent. */
public record BleuFigures(BleuScore bleu, double chrf2, int segments) {

    public static BleuFigures of(List<BleuRow> rows) {
        BleuCounts words = rows.stream().map(row -> row.score().words()).reduce(BleuCounts.NONE, BleuCounts::and);
        ChrfCounts characters = rows.stream().map(row -> row.score().characters()).reduce(ChrfCounts.NONE, ChrfCounts::and);
        return new BleuFigures(BleuScore.ofCorpus(words), characters.score(), rows.size());
    }
}
