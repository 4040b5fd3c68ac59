package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Shard;
import io.chunkwise.evaluate.answer.AnswerFigures;
import io.chunkwise.evaluate.batch.BatchFigures;
import io.chunkwise.evaluate.bleu.BleuFigures;
import io.chunkwise.evaluate.perplexity.PerplexityFigures;
import io.chunkwise.evaluate.squad.SquadFigures;
import io.chunkwise.runner.options.JournalOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.ExitCode;

/** What {@code eval} says of its figures; docs/json.md describes the JSON. */
final class EvaluationReport {
    private static final int DIGITS = 9; // behind the point
    /** What an evaluation may read, by the names of its configuration. */
    private static final List<String> DATA = List.of("text", "data", "predictions", "hypothesis", "source");

    private EvaluationReport() {
    }

    static void perplexity(JsonGenerator json, PerplexityFigures figures, Configuration data, int windows) throws IOException {
        json.writeStringField("kind", EvalPerplexityCommand.KIND);
        Json.number(json, "nll", figures.nll(), DIGITS);
        Json.number(json, "perplexity", figures.perplexity(), DIGITS);
        json.writeNumberField("tokens", number(data, "tokens"));
        json.writeNumberField("scored", figures.scored());
        json.writeNumberField("windows", windows);
        Json.number(json, "meanComponents", figures.meanComponents(), DIGITS);
        json.writeNumberField("kvBytes", figures.kvBytes());
        Json.number(json, "msPerToken", figures.millis() / figures.tokens(), 4);
        json.writeStringField("recipe", text(data, "recipe"));
        json.writeNumberField("window", number(data, "window"));
        json.writeNumberField("stride", number(data, "stride"));
    }

    static String text(PerplexityFigures figures, int windows) {
        return String.format(Locale.ROOT, "perplexity %.4f, nll %.6f per token over %,d scored tokens in %s%n"
                + "%.1f active components per token and projection, KV cache %s at most, %.3f ms per token",
                figures.perplexity(), figures.nll(), figures.scored(),
                windows == 1 ? "1 window" : String.format(Locale.ROOT, "%,d windows", windows),
                figures.meanComponents(), Quantities.bytes(figures.kvBytes()), figures.millis() / figures.tokens());
    }

    static void squad(JsonGenerator json, SquadFigures figures) throws IOException {
        json.writeStringField("kind", EvalSquadCommand.KIND);
        Json.number(json, "exact", figures.exact(), DIGITS);
        Json.number(json, "f1", figures.f1(), DIGITS);
        json.writeNumberField("total", figures.total());
        Json.number(json, "hasAnsExact", figures.hasAnsExact(), DIGITS);
        Json.number(json, "hasAnsF1", figures.hasAnsF1(), DIGITS);
        json.writeNumberField("hasAnsTotal", figures.hasAnsTotal());
        Json.number(json, "noAnsExact", figures.noAnsExact(), DIGITS);
        Json.number(json, "noAnsF1", figures.noAnsF1(), DIGITS);
        json.writeNumberField("noAnsTotal", figures.noAnsTotal());
    }

    static String text(SquadFigures figures) {
        String answerable = figures.hasAnsTotal() == 0 ? "no question with an answer" : String.format(Locale.ROOT,
                "with an answer: exact %.4f, F1 %.4f over %,d", figures.hasAnsExact(), figures.hasAnsF1(), figures.hasAnsTotal());
        String others = figures.noAnsTotal() == 0 ? "none without" : String.format(Locale.ROOT,
                "without: exact %.4f over %,d", figures.noAnsExact(), figures.noAnsTotal());
        return String.format(Locale.ROOT, "exact %.4f, F1 %.4f over %,d questions%n", figures.exact(), figures.f1(), figures.total())
                + answerable + "; " + others;
    }

    static void bleu(JsonGenerator json, BleuFigures figures, String signature, String chrfSignature) throws IOException {
        json.writeStringField("kind", EvalBleuCommand.KIND);
        Json.number(json, "bleu", figures.bleu().bleu(), DIGITS);
        json.writeStringField("signature", signature);
        Json.number(json, "chrf2", figures.chrf2(), DIGITS);
        json.writeStringField("chrf2Signature", chrfSignature);
        json.writeArrayFieldStart("precisions");
        for (double precision : figures.bleu().precisions()) {
            Json.number(json, precision, DIGITS);
        }
        json.writeEndArray();
        Json.number(json, "brevityPenalty", figures.bleu().brevityPenalty(), DIGITS);
        json.writeNumberField("hypothesisLength", figures.bleu().counts().hypothesisLength());
        json.writeNumberField("referenceLength", figures.bleu().counts().referenceLength());
        json.writeNumberField("segments", figures.segments());
    }

    static String text(BleuFigures figures, String signature, String chrfSignature) {
        return String.format(Locale.ROOT, "BLEU|%s = %.2f %s (BP = %.3f ratio = %.3f hyp_len = %d ref_len = %d)%nchrF2|%s = %.2f",
                signature, figures.bleu().bleu(),
                figures.bleu().precisions().stream().map(precision -> String.format(Locale.ROOT, "%.1f", precision))
                        .collect(Collectors.joining("/")),
                figures.bleu().brevityPenalty(),
                (double) figures.bleu().counts().hypothesisLength() / figures.bleu().counts().referenceLength(),
                figures.bleu().counts().hypothesisLength(), figures.bleu().counts().referenceLength(), chrfSignature, figures.chrf2());
    }

    /** What a model's answers took. */
    static void answers(JsonGenerator json, AnswerFigures figures) throws IOException {
        json.writeNumberField("promptTokens", figures.promptTokens());
        json.writeNumberField("newTokens", figures.tokens());
        json.writeNumberField("shortened", figures.shortened());
        Json.number(json, "meanComponents", figures.meanComponents(), DIGITS);
        json.writeNumberField("kvBytes", figures.kvBytes());
        Json.number(json, "msPerToken", figures.millis() / (figures.promptTokens() + figures.tokens()), 4);
    }

    static String text(AnswerFigures figures) {
        return String.format(Locale.ROOT,
                "%,d tokens read and %,d written in %s; %.1f active components per token and projection, KV cache %s "
                + "at most%s", figures.promptTokens(), figures.tokens(), Quantities.time((long) (figures.millis() * 1e6)),
                figures.meanComponents(), Quantities.bytes(figures.kvBytes()), figures.shortened() == 0 ? ""
                : "; " + figures.shortened() + " prompts were cut to fit the context");
    }

    static void batch(JsonGenerator json, BatchFigures figures) throws IOException {
        json.writeNumberField("prompts", figures.prompts());
        json.writeNumberField("errors", figures.errors());
        json.writeNumberField("promptTokens", figures.promptTokens());
        json.writeNumberField("newTokens", figures.tokens());
        Json.number(json, "meanComponents", figures.meanComponents(), DIGITS);
        json.writeNumberField("kvBytes", figures.kvBytes());
        Json.number(json, "msPerToken", figures.millis() / (figures.promptTokens() + figures.tokens()), 4);
    }

    static String text(BatchFigures figures) {
        return String.format(Locale.ROOT,
                "%s: %,d tokens read and %,d written in %s; %.1f active components per token and projection, KV cache "
                + "%s at most", figures.prompts() == 1 ? "1 prompt" : String.format(Locale.ROOT, "%,d prompts", figures.prompts()),
                figures.promptTokens(), figures.tokens(), Quantities.time((long) (figures.millis() * 1e6)), figures.meanComponents(),
                Quantities.bytes(figures.kvBytes()));
    }

    /**
     * Says how many prompts have no text.
     *
     * @param where to find out why
     * @return the exit code
     */
    static int failures(Terminal terminal, BatchFigures figures, String where) {
        if (figures.errors() == 0) {
            return ExitCode.OK;
        }
        terminal.err().println("chunkwise: " + figures.errors() + " of " + figures.prompts()
                + " prompts have an error in place of a text; see "
                + "'error' in " + where);
        return ExitCode.SOFTWARE;
    }

    /** Which items these are the figures of. */
    static void run(JsonGenerator json, Configuration data, JournalOptions journal, EvaluationRun<?> run) throws IOException {
        for (String name : DATA) {
            if (data.value(name).isPresent()) {
                json.writeStringField(name, text(data, name));
            }
        }
        json.writeNumberField("items", number(data, "items"));
        json.writeNumberField("evaluated", run.rows().size());
        json.writeNumberField("resumed", run.resumed());
        json.writeStringField("shard", journal.shard().toString());
        json.writeStringField("output", journal.output().map(Object::toString).orElse(null));
        json.writeStringField("version", ChunkwiseCommand.Version.text());
    }

    static List<String> remarks(JournalOptions journal, EvaluationRun<?> run) {
        List<String> remarks = new ArrayList<>();
        if (run.resumed() > 0) {
            remarks.add(run.resumed() + " of " + run.rows().size() + " results were in " + journal.output().orElseThrow() + " before");
        }
        if (!journal.shard().equals(Shard.ALL)) {
            remarks.add("these are figures of shard " + journal.shard() + " alone; 'chunkwise eval merge' puts shards together");
        }
        return remarks;
    }

    /** @throws IllegalArgumentException if somebody changed it in the file that it comes from */
    static long number(Configuration configuration, String name) {
        try {
            return Long.parseLong(text(configuration, name));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("the results' configuration has no whole number '" + name + "'", e);
        }
    }

    /** @throws IllegalArgumentException if somebody changed it in the file that it comes from */
    static String text(Configuration configuration, String name) {
        return configuration.value(name).orElseThrow(() ->
                new IllegalArgumentException("the results' configuration has no '" + name + "'"));
    }

    static void print(Terminal terminal, String text) {
        text.lines().forEach(terminal.out()::println);
        if (terminal.out().checkError()) {
            throw new OutputClosedException();
        }
    }
}
