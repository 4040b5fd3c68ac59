package io.chunkwise.runner.bench;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.benchmark.BenchRow;
import io.chunkwise.benchmark.SpeedTest;
import io.chunkwise.runner.report.Json;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * One field of a row, as JSON, CSV and scripts name it.
 *
 * @param value of a row: a String, a Long or a {@link Rounded}
 */
record BenchField(String name, Function<BenchRow, Object> value) {

    /** A number with the digits that mean something; unknown where it is not finite. */
    record Rounded(double value, int decimals) {
    }

    /** In the order in which they are written. */
    static final List<BenchField> ALL = List.of(
            text("model", row -> row.setting().model()),
            text("type", BenchField::type),
            whole("weightBytes", row -> row.setting().weightBytes()),
            text("executor", row -> row.setting().executor()),
            text("device", row -> row.setting().device().selector()),
            text("deviceName", row -> row.setting().device().name()),
            whole("threads", row -> (long) row.setting().threads()),
            text("test", row -> row.test().word()),
            whole("promptTokens", row -> tokens(row, SpeedTest.Kind.PREFILL)),
            whole("newTokens", row -> tokens(row, SpeedTest.Kind.DECODE)),
            whole("contextDepth", row -> (long) row.setting().depth()),
            text("kvPolicy", row -> row.setting().kvPolicy()),
            text("kvType", row -> row.setting().kvType().name().toLowerCase(Locale.ROOT)),
            whole("rank", row -> (long) row.variant().rank()),
            text("loraMode", row -> row.variant().mode().word()),
            text("adapterType", row -> row.setting().adapterType().map(type -> type.name().toLowerCase(Locale.ROOT)).orElse("auto")),
            text("activations", row -> row.setting().activations().name().toLowerCase(Locale.ROOT)),
            text("prefill", row -> row.setting().tensorCores() ? "tensor-cores" : "floats"),
            whole("repetitions", row -> (long) row.samples().size()),
            number("tokensPerSecond", 3, row -> row.speed().mean()),
            number("stddev", 3, row -> row.speed().deviation()),
            number("median", 3, row -> row.speed().median()),
            number("min", 3, row -> row.speed().min()),
            number("max", 3, row -> row.speed().max()),
            number("toBase", 4, row -> row.toBase().median()),
            number("toBaseLow", 4, row -> row.toBase().low()),
            number("toBaseHigh", 4, row -> row.toBase().high()),
            number("floorMultiple", 4, BenchRow::floorMultiple),
            number("readBandwidthGBps", 3, row -> row.bytesPerSecond() * 1e-9),
            number("bytesPerToken", 0, BenchRow::bytesPerToken),
            number("launchesPerToken", 3, BenchRow::launchesPerToken),
            whole("peakDeviceBytes", BenchRow::peakDeviceBytes),
            number("firstTokenSeconds", 4, row -> row.startUp().firstToken()),
            number("compileSeconds", 4, row -> row.startUp().compile()),
            number("uploadSeconds", 4, row -> row.startUp().upload()),
            number("kernelMsPerToken", 4, row -> row.profile().map(profile -> profile.kernelSeconds() * 1e3).orElse(Double.NaN)),
            number("hostMsPerToken", 4, row -> row.profile().map(profile -> profile.hostSeconds() * 1e3).orElse(Double.NaN)));

    /** "q8_0". */
    static String type(BenchRow row) {
        return row.setting().type().name().toLowerCase(Locale.ROOT);
    }

    void write(JsonGenerator json, BenchRow row) throws IOException {
        switch (value.apply(row)) {
            case Rounded(double number, int decimals) -> {
                if (decimals == 0 && Double.isFinite(number)) {
                    json.writeNumberField(name, Math.round(number));
                } else {
                    Json.number(json, name, number, decimals);
                }
            }
            case Long number -> json.writeNumberField(name, number);
            case Object text -> json.writeStringField(name, text.toString());
        }
    }

    /** A cell of CSV (RFC 4180); empty for what is not known. */
    String csv(BenchRow row) {
        return switch (value.apply(row)) {
            case Rounded(double number, int decimals) when !Double.isFinite(number) -> "";
            case Rounded(double number, int decimals) -> String.format(Locale.ROOT, "%." + decimals + "f", number);
            case Long number -> number.toString();
            case Object text -> quoted(text.toString());
        };
    }

    private static String quoted(String text) {
        return text.matches("(?s).*[\",\\r\\n].*") ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }

    private static long tokens(BenchRow row, SpeedTest.Kind kind) {
        return row.test().kind() == kind ? row.test().tokens() : 0;
    }

    private static BenchField text(String name, Function<BenchRow, Object> value) {
        return new BenchField(name, value);
    }

    private static BenchField whole(String name, Function<BenchRow, Object> value) {
        return new BenchField(name, value);
    }

    private static BenchField number(String name, int decimals, ToDoubleFunction<BenchRow> value) {
        return new BenchField(name, row -> new Rounded(value.applyAsDouble(row), decimals));
    }
}
