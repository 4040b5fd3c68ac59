package io.chunkwise.model.tokenizer;

/** Halves of UTF-16 pairs, which have no UTF-8 form. */
final class LoneSurrogates {
    private static final char REPLACEMENT = '\uFFFD';

    private LoneSurrogates() {
    }

    /** The text with U+FFFD for every half without its other half; the same object if there is none. */
    static String replaced(String text) {
        StringBuilder clean = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
                continue;
            }
            clean = clean == null ? new StringBuilder(text) : clean;
            clean.setCharAt(i, REPLACEMENT);
        }
        return clean == null ? text : clean.toString();
    }
}
