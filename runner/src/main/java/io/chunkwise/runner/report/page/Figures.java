package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.Quantities;
import java.util.Locale;

/** Numbers in tables; "–" for what is not known. */
final class Figures {
    static final String UNKNOWN = "–";

    private Figures() {
    }

    static String number(double value, int decimals) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%." + decimals + "f", value) : UNKNOWN;
    }

    /** With the sign that it has, plus included. */
    static String signed(double value, int decimals) {
        return Double.isFinite(value) ? minus(String.format(Locale.ROOT, "%+." + decimals + "f", value)) : UNKNOWN;
    }

    /** Three digits that say something: "0.98", "15.4", "1,203". */
    static String digits(double value) {
        return !Double.isFinite(value) ? UNKNOWN
                : String.format(Locale.ROOT, Math.abs(value) < 10 ? "%.2f" : Math.abs(value) < 100 ? "%.1f" : "%,.0f", value);
    }

    static String count(long value) {
        return value < 0 ? UNKNOWN : String.format(Locale.ROOT, "%,d", value);
    }

    static String bytes(double value) {
        return Double.isFinite(value) ? Quantities.bytes(Math.round(value)) : UNKNOWN;
    }

    /** Of a fraction: "+1.25 %". */
    static String change(double fraction) {
        return Double.isFinite(fraction) ? minus(String.format(Locale.ROOT, "%+.2f %%", 100 * fraction)) : UNKNOWN;
    }

    // As wide as the plus.
    private static String minus(String number) {
        return number.replace('-', '−');
    }
}
