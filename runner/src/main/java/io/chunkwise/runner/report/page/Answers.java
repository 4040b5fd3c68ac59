package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Source;
import java.util.List;

/** SQuAD and BLEU. */
final class Answers {
    private Answers() {
    }

    static void write(Body body, List<Result> results) {
        body.section("answers", "Answers and translations");
        List<Result.Squad> squads = Result.of(Result.Squad.class, results);
        List<Result.Bleu> bleus = Result.of(Result.Bleu.class, results);
        if (squads.isEmpty()) {
            body.missing("No answers.", "chunkwise eval squad --data dev-v2.0.json … --json > squad.json");
        } else {
            body.table("SQuAD 2.0, percent", List.of("file", "answers of", ">exact", ">F1", ">exact, has answer", ">F1, has answer",
                    ">exact, no answer", ">F1, no answer", ">questions"), squads.stream().map(one -> List.of(one.source().name(),
                    by(one.source()), Figures.number(one.exact(), 4), Figures.number(one.f1(), 4), Figures.number(one.hasAnsExact(), 4),
                    Figures.number(one.hasAnsF1(), 4), Figures.number(one.noAnsExact(), 4), Figures.number(one.noAnsF1(), 4),
                    Figures.count(one.total()))).toList());
        }
        if (bleus.isEmpty()) {
            body.missing("No translations.", "chunkwise eval bleu --reference FILE … --json > bleu.json");
        } else {
            body.table("BLEU and chrF2, percent", List.of("file", "translations of", ">BLEU", ">chrF2", "signature", ">segments"),
                    bleus.stream().map(one -> List.of(one.source().name(), by(one.source()), Figures.number(one.bleu(), 4),
                            Figures.number(one.chrf2(), 4), one.signature(), Figures.count(one.segments()))).toList());
        }
    }

    /** A model, or the file that its answers came from. */
    static String by(Source source) {
        return source.value("model").isPresent() ? Setting.model(source) + ", " + source.value("policy").orElse("policy unknown")
                : source.value("predictions", "hypothesis").map(file -> "the file " + file).orElse("a file");
    }
}
