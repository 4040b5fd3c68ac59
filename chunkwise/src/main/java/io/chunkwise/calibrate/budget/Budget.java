package io.chunkwise.calibrate.budget;

import java.math.BigDecimal;
import java.util.Locale;

/** What a policy may cost. */
public sealed interface Budget {

    /**
     * Perplexity may rise by so much over that of the whole adapter with a full KV cache; components and KV bytes shall be few.
     *
     * @param fraction 0.01 for one per cent; above 0
     */
    record MaxIncrease(double fraction) implements Budget {
        public MaxIncrease {
            if (!(fraction > 0 && fraction <= 1)) {
                throw new IllegalArgumentException("an increase of " + fraction + " is not above 0 and at most 1, which is 100 %");
            }
        }

        /** "1%", "0.5 %" or "0.01". @throws IllegalArgumentException if it is neither */
        public static MaxIncrease parse(String text) {
            String number = text.strip();
            boolean percent = number.endsWith("%");
            number = percent ? number.substring(0, number.length() - 1).strip() : number;
            if (!number.matches("[0-9]{1,6}(\\.[0-9]{1,9})?|\\.[0-9]{1,9}")) {
                throw new IllegalArgumentException("'" + text + "' is no increase: expected a percentage such as 1%, or 0.01");
            }
            BigDecimal value = new BigDecimal(number);
            return new MaxIncrease((percent ? value.movePointLeft(2) : value).doubleValue());
        }
    }

    /**
     * So many components may be active on average; perplexity shall be low.
     *
     * @param components per token and projection, above 0
     */
    record MeanComponents(double components) implements Budget {
        public MeanComponents {
            if (!(components > 0 && components < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("a mean of " + components + " components, expected a number above 0");
            }
        }
    }

    /** For people: "at most 1% more perplexity than the whole adapter with a full KV cache". */
    default String text() {
        return switch (this) {
            case MaxIncrease(double fraction) -> "at most " + plain(100 * fraction)
                    + "% more perplexity than the whole adapter with a full KV cache";
            case MeanComponents(double components) -> "at most " + plain(components) + " active components on average";
        };
    }

    private static String plain(double value) {
        return new BigDecimal(String.format(Locale.ROOT, "%.6f", value)).stripTrailingZeros().toPlainString();
    }
}
