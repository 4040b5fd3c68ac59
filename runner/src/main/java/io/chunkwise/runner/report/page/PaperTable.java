package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Result.Quality;
import io.chunkwise.runner.report.results.Result.Speed;
import io.chunkwise.runner.report.results.Result.Trial;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** The figures of arXiv:2601.21109 (LLaMA-7B) beside those of the files, and why they do or do not compare. */
final class PaperTable {
    private static final String NOT_MEASURED = "not measured";
    private static final String PAPERS_SHAPE = "llama-7b";

    private PaperTable() {
    }

    static void write(Body body, List<Result> results) {
        body.section("paper", "Beside the paper");
        body.paragraph("ChunkWise LoRA, arXiv:2601.21109, as its abstract and a digest of it give the figures; the paper does not "
                + "name its GPU, batch, context, number format or adapters.");
        body.table("The paper's figures and these", List.of("line", "paper, LLaMA-7B", "here", "does it compare?"), List.of(
                List.of("time per written token", "14.9 ms", lines(times(results)), "No. The paper's GPU and stack are unknown. "
                        + shape(results)), List.of("memory at most", "9.1 GB", lines(memory(results)),
                        "No. F16 weights of LLaMA-7B alone are 13.5 GB, so the paper's were smaller, or "
                        + "not all on the GPU; it does not say. " + shape(results)),
                List.of("perplexity", "5.61 on WikiText-103", lines(perplexities(results)),
                        "No. Another model and text; perplexities of two "
                        + "tokenizers, or of two ways to cut a text into windows, do not compare."),
                List.of("BLEU", "25.3 on FLORES-101", lines(bleus(results)),
                        "No, unless a model of LLaMA-7B's size translated the same pair of FLORES-101. The "
                        + "paper does not give its signature. What a file of translations scores says nothing of this program's models."),
                List.of("exact match", "63.5 on SQuAD 2.0", lines(squads(results)), "No, unless a model of LLaMA-7B's size answered all of "
                        + "dev-v2.0. What a file of predictions scores says nothing of this program's models."),
                List.of("latency against LoRA", "up to −34 %", lines(latencies(results)),
                        "In part: a ratio of other models, and times of single runs waver: where uniform ranks "
                        + "range as widely as adaptive ones, the difference is noise. The "
                        + "second-hand table gives −22.8 % (19.3 ms with rank 8); −34 % takes a baseline of 22.6 ms. By arithmetic, "
                        + "rank 64 to 4 saves "
                        + "2.2 % of the bytes of a F16 7B model's token: the rest is launches that fusing or merging saves, or the KV "
                        + "cache."), List.of("memory against LoRA", "−38 %", lines(caches(results)),
                        "In part: bytes of the KV cache alone, not of the process. The second-hand "
                        + "table gives −18.8 % (11.2 GB with rank 8); −38 % takes a baseline of 14.7 GB. An adapter of rank 8 is 0.04 "
                        + "GB, so only the KV cache or smaller weights can be meant.")));
    }

    private static String lines(List<String> values) {
        return values.isEmpty() ? NOT_MEASURED : String.join("\n", values);
    }

    private static List<Speed> speeds(List<Result> results) {
        return Result.of(Result.Bench.class, results).stream().flatMap(bench -> bench.rows().stream()).toList();
    }

    /** Rows with an adapter that write; of the paper's model if there are any. */
    private static List<Speed> writing(List<Result> results) {
        List<Speed> all = speeds(results).stream().filter(row -> row.decode() && row.rank() > 0).toList();
        List<Speed> papers = all.stream().filter(row -> row.model().equals(PAPERS_SHAPE)).toList();
        return papers.isEmpty() ? all : papers;
    }

    private static String shape(List<Result> results) {
        List<Speed> rows = writing(results);
        return rows.isEmpty() ? "" : rows.getFirst().model().equals(PAPERS_SHAPE)
                ? "Here: LLaMA-7B's shape with random weights, one sequence."
                : "Here: another model, one sequence.";
    }

    /** The best of each place, model and format. */
    private static List<String> times(List<Result> results) {
        return writing(results).stream().collect(Collectors.groupingBy(row -> row.deviceName() + row.executor() + row.model() + row.type(),
                LinkedHashMap::new, Collectors.maxBy(Comparator.comparingDouble(Speed::tokensPerSecond)))).values().stream()
                .flatMap(Optional::stream).map(row -> Figures.digits(1000 / row.tokensPerSecond()) + " ms: " + name(row)).toList();
    }

    private static List<String> memory(List<Result> results) {
        return writing(results).stream().collect(Collectors.groupingBy(row -> row.deviceName() + row.executor() + row.model() + row.type(),
                LinkedHashMap::new, Collectors.minBy(Comparator.comparingLong(Speed::peakDeviceBytes)))).values().stream()
                .flatMap(Optional::stream).map(row -> Figures.digits(row.peakDeviceBytes() * 1e-9) + " GB: " + name(row)).toList();
    }

    private static String name(Speed row) {
        return row.model() + " " + row.type() + ", rank " + row.rank() + " " + row.loraMode() + ", " + row.deviceName();
    }

    /** The least of each setting. */
    private static List<String> perplexities(List<Result> results) {
        Map<Setting, Quality> least = new LinkedHashMap<>();
        for (Result result : results) {
            switch (result) {
                case Result.Perplexity one -> least.merge(Setting.of(one), one.quality(), PaperTable::better);
                case Result.Ablation many -> many.rows().forEach(row -> least.merge(Setting.of(many), row.quality(), PaperTable::better));
                case Result.Bench other -> { }
                case Result.Squad other -> { }
                case Result.Bleu other -> { }
                case Result.Calibration other -> { }
                case Result.Trace other -> { }
            }
        }
        return least.entrySet().stream().map(entry -> Figures.number(entry.getValue().perplexity(), 2) + ": " + entry.getKey().name())
                .toList();
    }

    private static Quality better(Quality one, Quality other) {
        return one.perplexity() <= other.perplexity() ? one : other;
    }

    private static List<String> bleus(List<Result> results) {
        return Result.of(Result.Bleu.class, results).stream()
                .map(one -> Figures.number(one.bleu(), 1) + ": " + Answers.by(one.source())).toList();
    }

    private static List<String> squads(List<Result> results) {
        return Result.of(Result.Squad.class, results).stream()
                .map(one -> Figures.number(one.exact(), 1) + ": " + Answers.by(one.source())).toList();
    }

    /** Adaptive rungs against the whole adapter, and fused adapters against unfused ones. */
    private static List<String> latencies(List<Result> results) {
        List<String> found = new ArrayList<>();
        for (Result.Ablation ablation : ablations(results)) {
            List<Trial> timed = of(ablation, "rank").stream().filter(row -> row.quality().msPerToken() > 0).toList();
            List<Trial> uniform = timed.stream().filter(row -> row.quality().policy().startsWith("uniform:")).toList();
            List<Trial> adaptive = timed.stream().filter(row -> !uniform.contains(row)).toList();
            uniform.stream().max(Comparator.comparingDouble(row -> row.quality().meanComponents())).ifPresent(whole -> {
                if (!adaptive.isEmpty()) {
                    // What uniform ranks differ by says how much of it may be the machine.
                    found.add(range(adaptive, whole) + ": adaptive rungs against " + whole.variant() + ", reading, "
                            + Setting.model(ablation.source())
                            + "; uniform ranks against it: " + range(uniform.stream().filter(row -> row != whole).toList(), whole));
                }
            });
        }
        List<Speed> rows = writing(results);
        for (Speed fused : rows) {
            rows.stream().filter(row -> fused.loraMode().equals("fused") && row.loraMode().equals("unfused")
                    && row.deviceName().equals(fused.deviceName()) && row.executor().equals(fused.executor())
                    && row.threads() == fused.threads()
                    && row.model().equals(fused.model()) && row.type().equals(fused.type()) && row.test().equals(fused.test())
                    && row.depth() == fused.depth() && row.kvPolicy().equals(fused.kvPolicy()) && row.rank() == fused.rank())
                    .findFirst().ifPresent(unfused -> found.add(Figures.change(unfused.tokensPerSecond() / fused.tokensPerSecond() - 1)
                            + ": fused against unfused, rank " + fused.rank() + ", " + fused.model() + " " + fused.type() + ", "
                            + fused.deviceName() + ", writing"));
        }
        return found.stream().distinct().toList();
    }

    /** "−3.10 % to +2.00 %". */
    private static String range(List<Trial> rows, Trial whole) {
        DoubleSummaryStatistics changes = rows.stream().mapToDouble(row -> row.quality().msPerToken() / whole.quality().msPerToken() - 1)
                .summaryStatistics();
        return rows.isEmpty() ? NOT_MEASURED : rows.size() == 1 ? Figures.change(changes.getMin())
                : Figures.change(changes.getMin()) + " to " + Figures.change(changes.getMax());
    }

    /** KV policies against the full cache. */
    private static List<String> caches(List<Result> results) {
        List<String> found = new ArrayList<>();
        for (Result.Ablation ablation : ablations(results)) {
            List<Trial> policies = of(ablation, "kv");
            policies.stream().filter(row -> row.quality().kvPolicy().equals("full")).findFirst().ifPresent(full -> policies.stream()
                    .filter(row -> !row.quality().kvPolicy().equals("full")).forEach(row -> found.add(
                            Figures.change(row.quality().kvBytes() / full.quality().kvBytes() - 1) + " of the KV cache, perplexity "
                            + Figures.change(row.quality().perplexity() / full.quality().perplexity() - 1) + ": " + row.variant() + ", "
                            + Setting.model(ablation.source()))));
        }
        return found;
    }

    private static List<Result.Ablation> ablations(List<Result> results) {
        return Result.of(Result.Ablation.class, results);
    }

    private static List<Trial> of(Result.Ablation ablation, String experiment) {
        return ablation.rows().stream().filter(row -> row.experiment().equals(experiment)).toList();
    }
}
