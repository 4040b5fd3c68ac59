package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.page.Plot.Axis;
import io.chunkwise.runner.report.page.Plot.Unit;
import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Result.Speed;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Tokens per second, a column per device, and what an adapter costs merged, fused and unfused. */
final class Speeds {
    private static final List<String> MODES = List.of("merged", "fused", "unfused");

    private Speeds() {
    }

    /** What is measured, wherever. */
    private record Test(String model, String type, String test, boolean decode, long depth, String kvPolicy, long rank, String loraMode) {
        static Test of(Speed row) {
            return new Test(row.model(), row.type(), row.test(), row.decode(), row.depth(), row.kvPolicy(), row.rank(), row.loraMode());
        }

        Test withoutMode() {
            return new Test(model, type, test, decode, depth, kvPolicy, rank, "");
        }

        /** "tg32 at 512, KV q8, rank 64 fused". */
        String label() {
            return test + (depth > 0 ? " at " + depth : "") + (kvPolicy.equals("full") ? "" : ", KV " + kvPolicy)
                    + (rank == 0 ? ", no adapter" : ", rank " + rank + (loraMode.isEmpty() ? "" : ' ' + loraMode));
        }
    }

    static void write(Body body, List<Result> results) {
        body.section("speed", "Speed");
        Map<Test, Map<String, Speed>> table = new LinkedHashMap<>();
        List<String> places = new ArrayList<>();
        for (Result result : results) {
            if (result instanceof Result.Bench bench) {
                for (Speed row : bench.rows()) {
                    String place = place(row);
                    if (!places.contains(place)) {
                        places.add(place);
                    }
                    Map<String, Speed> rows = table.computeIfAbsent(Test.of(row), key -> new LinkedHashMap<>());
                    // Two measurements of the same are two columns.
                    for (int copy = 2; rows.putIfAbsent(place, row) != null; copy++) {
                        place = place(row) + "\nmeasurement " + copy;
                        if (!places.contains(place)) {
                            places.add(place);
                        }
                    }
                }
            }
        }
        if (table.isEmpty()) {
            body.missing("No benchmarks.", "chunkwise bench --rank 0,8,64 --lora-mode merged,fused,unfused --json > bench.json");
            return;
        }
        body.hint("pp128 reads a prompt of 128 tokens, tg32 writes 32 one by one. 'Of base' is the speed relative to no adapter in "
                + "the same repetition, 'x floor' the time of a written token over that of reading its weights, adapter and KV cache once. "
                + "Only what stands in one column was measured in one place.");
        body.plots(table.keySet().stream().map(test -> List.of(test.model(), test.type(), test.decode())).distinct()
                .map(of -> bars(of, table, places)).toList());
        body.table("Tokens per second", Stream.concat(Stream.of("model", "type", "test"), places.stream().map(place -> '>' + place))
                .toList(), table.entrySet().stream().map(entry -> Stream.concat(Stream.of(entry.getKey().model(), entry.getKey().type(),
                        entry.getKey().label()), places.stream().map(place -> cell(entry.getValue().get(place)))).toList()).toList());
        modes(body, table, places);
    }

    /** "EPYC 7B13\ncpu on cpu:0, 2 threads". */
    private static String place(Speed row) {
        return row.deviceName() + "\n" + row.executor() + " on " + row.device()
                + (row.threads() == 0 ? "" : ", " + row.threads() + (row.threads() == 1 ? " thread" : " threads"));
    }

    private static String cell(Speed row) {
        if (row == null) {
            return Figures.UNKNOWN;
        }
        return Figures.digits(row.tokensPerSecond()) + " ± " + Figures.digits(row.deviation())
                + (Double.isFinite(row.toBase()) ? "\n" + Figures.digits(row.toBase()) + " of base" : "")
                + (Double.isFinite(row.floorMultiple()) ? "\n" + Figures.digits(row.floorMultiple()) + " x floor" : "")
                + (row.launchesPerToken() > 0 ? "\n" + Figures.digits(row.launchesPerToken()) + " launches per token" : "")
                + "\n" + Figures.bytes(row.peakDeviceBytes()) + " at most";
    }

    private static Plot bars(List<?> of, Map<Test, Map<String, Speed>> table, List<String> places) {
        List<Plot.Series> series = places.stream().map(place -> new Plot.Series(place.replace("\n", ", "), false, false,
                table.entrySet().stream().filter(entry -> entry.getValue().containsKey(place)
                        && List.of(entry.getKey().model(), entry.getKey().type(), entry.getKey().decode()).equals(of)).map(entry -> {
                    Speed row = entry.getValue().get(place);
                    return new Plot.Point(row.tokensPerSecond(), 0, row.deviation(), entry.getKey().label(),
                            Double.isFinite(row.toBase()) ? Figures.digits(row.toBase()) + " of base" : "");
                }).toList())).filter(one -> !one.points().isEmpty()).toList();
        return Plot.bars(of.get(0) + " in " + of.get(1) + ": " + (Boolean.TRUE.equals(of.get(2)) ? "writing" : "reading"),
                new Axis("tokens per second", Unit.NUMBER), series);
    }

    /** Adapters by how they are applied, where that was compared. */
    private static void modes(Body body, Map<Test, Map<String, Speed>> table, List<String> places) {
        Map<Test, List<Test>> compared = table.keySet().stream().filter(test -> MODES.contains(test.loraMode()))
                .collect(Collectors.groupingBy(Test::withoutMode, LinkedHashMap::new, Collectors.toList()));
        List<List<String>> rows = new ArrayList<>();
        Map<String, List<Plot.Point>> points = new LinkedHashMap<>();
        compared.forEach((test, tests) -> places.forEach(place -> {
            Map<String, Speed> byMode = new LinkedHashMap<>();
            tests.stream().filter(one -> table.get(one).containsKey(place)).forEach(one -> byMode.put(one.loraMode(),
                    table.get(one).get(place)));
            if (byMode.size() < 2) {
                return;
            }
            String label = test.model() + ' ' + test.type() + ", " + test.label();
            rows.add(Stream.concat(Stream.of(label, place.replace("\n", ", ")), MODES.stream().map(mode -> byMode.containsKey(mode)
                    ? Figures.digits(byMode.get(mode).toBase()) + "\n" + Figures.digits(byMode.get(mode).tokensPerSecond()) + " tokens/s"
                    : Figures.UNKNOWN)).toList());
            byMode.forEach((mode, row) -> points.computeIfAbsent(mode, key -> new ArrayList<>())
                    .add(new Plot.Point(row.toBase(), 0, Double.NaN,
                    label + (places.size() > 1 ? ", " + row.device() : ""), place.replace("\n", ", "))));
        }));
        if (rows.isEmpty()) {
            body.hint("Not compared: adapters merged into the weights, fused with them and unfused (--lora-mode merged,fused,unfused).");
            return;
        }
        body.heading("Merged, fused, unfused");
        body.plots(List.of(Plot.bars("Speed relative to no adapter", new Axis("of the base's tokens per second", Unit.NUMBER),
                MODES.stream().filter(points::containsKey).map(mode -> new Plot.Series(mode, false, false, points.get(mode))).toList())));
        body.table("Speed relative to no adapter", List.of("test", "where", ">merged", ">fused", ">unfused"), rows);
    }
}
