package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Source;
import java.util.List;
import java.util.stream.Stream;

/** How every figure of the page was made. */
final class Sources {
    private Sources() {
    }

    static void write(Body body, List<Result> results) {
        body.section("sources", "How it was made");
        body.hint("Every file that this page was made of. What a file does not say is –.");
        body.table("Files", List.of("file", "kind", "version", "model", "adapter", "policy", "KV", "executor", "device"),
                results.stream().map(Result::source).map(source -> Stream.concat(
                        Stream.of(source.name(), source.kind()),
                        Stream.of(one(source, "version"), one(source, "model"), one(source, "adapters", "adapter"), one(source, "policy"),
                                one(source, "kvPolicy"), one(source, "executor"), device(source))).toList()).toList());
        for (Result result : results) {
            Source source = result.source();
            body.foldedTable("All settings and figures of " + source.name(), List.of("field", "value"),
                    source.fields().entrySet().stream().map(entry -> List.of(entry.getKey(), entry.getValue())).toList());
        }
    }

    private static String one(Source source, String... names) {
        return source.value(names).orElse(Figures.UNKNOWN);
    }

    private static String device(Source source) {
        return one(source, "device") + source.value("deviceName").map(name -> "\n" + name.replace('\n', ' ')).orElse("");
    }
}
