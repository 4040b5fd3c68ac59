package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Source;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What must be equal for two perplexities to compare.
 *
 * @param name for people
 */
record Setting(String name) {

    static Setting of(Result.Perplexity result) {
        return of(result.source(), result.text(), result.recipe() + " windows of " + result.window() + ", stride " + result.stride());
    }

    static Setting of(Result.Ablation result) {
        return of(result.source(), result.text(), result.window().isEmpty() ? "" : "windows of " + result.window());
    }

    /** "cpu on cpu:0, AMD EPYC". */
    static String place(Source source) {
        String device = source.value("device").orElse("");
        String name = source.value("deviceName").orElse("");
        return source.value("executor").orElse("an unknown executor") + (device.isEmpty() ? "" : " on " + device)
                + (name.isEmpty() || device.contains(name) ? "" : ", " + name);
    }

    /** "model with adapter". */
    static String model(Source source) {
        String adapters = source.value("adapters", "adapter").filter(name -> !name.equals(Figures.UNKNOWN)).orElse("");
        return fileName(source.value("model").orElse("an unknown model")) + (adapters.isEmpty() ? "" : " with " + fileName(adapters));
    }

    private static Setting of(Source source, String text, String windows) {
        return new Setting(Stream.of(model(source), fileName(text), windows).filter(part -> !part.isEmpty())
                .collect(Collectors.joining(", ")));
    }

    /** Without the folders above it. */
    static String fileName(String path) {
        return path.contains(", ") ? path : path.replaceFirst("/+$", "").replaceFirst("^.*/", "");
    }
}
