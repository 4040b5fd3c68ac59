package io.chunkwise.runner.bench;

import io.chunkwise.benchmark.BenchRow;
import io.chunkwise.benchmark.MedianInterval;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.runner.report.Quantities;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Rows as tables for people. What is the same in all rows stands above the table, not in a column of its own. */
final class BenchTable {
    private static final int KERNELS = 12;
    private static final String LAUNCHES = ">launches/token"; // a column where there are any

    private record Column(String title, Function<BenchRow, String> cell) {

        /** "depth 0". */
        String named(BenchRow row) {
            return title.replace(">", "") + " " + cell.apply(row);
        }
    }

    /** What may vary. */
    private static final List<Column> SETTINGS = List.of(
            new Column("type", BenchField::type),
            new Column(">threads", row -> Integer.toString(row.setting().threads())),
            new Column("kv", row -> row.setting().kvPolicy()),
            new Column("kv type", row -> row.setting().kvType().name().toLowerCase(Locale.ROOT)),
            new Column(">depth", row -> Integer.toString(row.setting().depth())));

    private static final List<Column> FIGURES = List.of(
            new Column("test", row -> row.test().word()),
            new Column(">rank", row -> Integer.toString(row.variant().rank())),
            new Column("lora", row -> row.variant().mode().word()),
            new Column(">tokens/s", row -> Quantities.rate(row.speed().mean()) + " ± " + digits(row.speed().deviation())),
            new Column(">median", row -> Quantities.rate(row.speed().median())),
            new Column(">to base", BenchTable::toBase),
            new Column(">x floor", row -> digits(row.floorMultiple())),
            new Column(LAUNCHES, row -> digits(row.launchesPerToken())),
            new Column(">peak memory", row -> Quantities.bytes(row.peakDeviceBytes())));

    private BenchTable() {
    }

    static List<String> lines(List<BenchRow> rows) {
        List<String> lines = new ArrayList<>();
        List<Column> varying = SETTINGS.stream().filter(column -> varies(column, rows)).toList();
        lines.add(heading(rows));
        lines.add("");
        List<Column> columns = new ArrayList<>(varying);
        boolean launches = rows.stream().anyMatch(row -> row.launchesPerToken() > 0);
        FIGURES.stream().filter(column -> launches || !column.title().equals(LAUNCHES)).forEach(columns::add);
        lines.addAll(table(columns, rows));
        lines.add("");
        lines.addAll(startUp(varying, rows));
        rows.stream().filter(row -> row.profile().isPresent()).forEach(row -> {
            lines.add("");
            lines.addAll(profile(row, varying));
        });
        return lines;
    }

    private static boolean varies(Column column, List<BenchRow> rows) {
        return rows.stream().map(column.cell()).distinct().count() > 1;
    }

    private static String heading(List<BenchRow> rows) {
        BenchRow.Setting first = rows.getFirst().setting();
        double least = rows.stream().mapToDouble(BenchRow::bytesPerSecond).min().orElseThrow() * 1e-9;
        double most = rows.stream().mapToDouble(BenchRow::bytesPerSecond).max().orElseThrow() * 1e-9;
        String read = digits(least) + (digits(least).equals(digits(most)) ? "" : " to " + digits(most));
        int repetitions = rows.getFirst().samples().size();
        String same = SETTINGS.stream().filter(column -> !varies(column, rows)).map(column -> column.named(rows.getFirst()))
                .filter(setting -> !setting.equals("threads 0")) // a device
                .collect(Collectors.joining(", ")) + (first.activations() == ActivationFormat.FLOAT ? "" : ", integer activations")
                + (first.tensorCores() ? ", prefill on tensor cores" : "");
        return first.model() + " on " + first.device().selector() + " (" + first.device().name() + "), executor " + first.executor() + ", "
                + same + "; memory read at " + read + " GB/s; " + repetitions + (repetitions == 1 ? " repetition" : " repetitions");
    }

    private static List<String> table(List<Column> columns, List<BenchRow> rows) {
        Markdown table = new Markdown(columns.stream().map(Column::title).toList());
        rows.forEach(row -> table.row(columns.stream().map(column -> column.cell().apply(row)).toList()));
        return table.lines();
    }

    private static List<String> startUp(List<Column> varying, List<BenchRow> rows) {
        List<Column> columns = new ArrayList<>(varying.stream().filter(column -> !column.title().equals(">depth")).toList());
        columns.add(new Column("adapters", row -> row.variant().rank() == 0 ? "fused" : row.variant().mode().word()));
        columns.add(new Column(">first token", row -> seconds(row.startUp().firstToken())));
        if (rows.stream().anyMatch(row -> row.startUp().compile() > 0)) {
            columns.add(new Column(">compiling", row -> seconds(row.startUp().compile())));
            columns.add(new Column(">uploading", row -> seconds(row.startUp().upload())));
        }
        Markdown table = new Markdown(columns.stream().map(Column::title).toList());
        rows.stream().map(row -> columns.stream().map(column -> column.cell().apply(row)).toList()).distinct().forEach(table::row);
        return table.lines();
    }

    private static List<String> profile(BenchRow row, List<Column> varying) {
        BenchRow.Profile profile = row.profile().orElseThrow();
        List<String> lines = new ArrayList<>();
        String setting = varying.stream().map(column -> column.named(row) + ", ").collect(Collectors.joining());
        lines.add(String.format(Locale.ROOT, "%s%s, rank %d (%s): %.3f ms in kernels and %.3f ms besides, per token", setting,
                row.test().word(), row.variant().rank(), row.variant().mode().word(), profile.kernelSeconds() * 1e3,
                profile.hostSeconds() * 1e3));
        lines.add("");
        Markdown table = new Markdown(List.of("kernel", ">launches/token", ">ms/token", ">share"));
        double all = profile.kernels().stream().mapToLong(KernelTime::nanos).sum();
        double tokens = row.test().tokens();
        for (KernelTime kernel : profile.kernels().stream().limit(KERNELS).toList()) {
            table.row(List.of(kernel.name(), digits(kernel.launches() / tokens),
                    String.format(Locale.ROOT, "%.4f", kernel.nanos() * 1e-6 / tokens),
                    String.format(Locale.ROOT, "%.1f %%", 100 * kernel.nanos() / all)));
        }
        lines.addAll(table.lines());
        if (profile.kernels().size() > KERNELS) {
            lines.add("and " + (profile.kernels().size() - KERNELS) + " more; --json has all");
        }
        return lines;
    }

    /** "0.951 (0.938 to 0.963)": an adapter's cost is a matter of thousandths. */
    private static String toBase(BenchRow row) {
        MedianInterval ratio = row.toBase();
        if (!Double.isFinite(ratio.median())) {
            return digits(ratio.median());
        }
        boolean interval = ratio.isKnown() && row.variant().rank() > 0; // rank 0 to itself is 1
        return String.format(Locale.ROOT, interval ? "%.3f (%.3f to %.3f)" : "%.3f", ratio.median(), ratio.low(), ratio.high());
    }

    /** Three digits; "-" for what there is not. */
    static String digits(double value) {
        return !Double.isFinite(value) ? "-" : String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
    }

    private static String seconds(double value) {
        return String.format(Locale.ROOT, "%.2f s", value);
    }
}
