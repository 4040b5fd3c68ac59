package io.chunkwise.evaluate.bleu;

import io.chunkwise.evaluate.Words;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** How a segment is cut into the words that BLEU compares. */
public enum BleuTokenizer {
    /** As NIST's mteval-v13a does for Western languages: the default of WMT, and here. */
    MTEVAL_13A("13a") {
        @Override
        String separate(String segment) {
            String text = segment.replace("<skipped>", "").replace("-\n", "").replace("\n", " ");
            text = text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
            text = ASCII_SYMBOL.matcher(" " + text + " ").replaceAll(" $0 ");
            text = POINT_BEHIND_NO_DIGIT.matcher(text).replaceAll("$1 $2 ");
            text = POINT_BEFORE_NO_DIGIT.matcher(text).replaceAll(" $1 $2");
            return DASH_BEHIND_DIGIT.matcher(text).replaceAll("$1 - ");
        }
    },
    /** White space only. */
    NONE("none") {
        @Override
        String separate(String segment) {
            return segment;
        }
    },
    /** Every character. */
    CHAR("char") {
        @Override
        String separate(String segment) {
            StringBuilder text = new StringBuilder();
            segment.codePoints().forEach(character -> text.appendCodePoint(character).append(' '));
            return text.toString();
        }
    },
    /** As mteval-v14 does with {@code --international-tokenization}: punctuation and symbols of all scripts. */
    INTERNATIONAL("intl") {
        @Override
        String separate(String segment) {
            String text = PUNCTUATION_BEHIND_NO_NUMBER.matcher(segment).replaceAll("$1 $2 ");
            text = PUNCTUATION_BEFORE_NO_NUMBER.matcher(text).replaceAll(" $1 $2");
            return SYMBOL.matcher(text).replaceAll(" $0 ");
        }
    };

    // All ASCII punctuation but apostrophe, comma, hyphen and full stop.
    private static final Pattern ASCII_SYMBOL = Pattern.compile("[!-&(-+/:-@\\[-`{-~]");
    private static final Pattern POINT_BEHIND_NO_DIGIT = Pattern.compile("([^0-9])([.,])");
    private static final Pattern POINT_BEFORE_NO_DIGIT = Pattern.compile("([.,])([^0-9])");
    private static final Pattern DASH_BEHIND_DIGIT = Pattern.compile("([0-9])-");
    private static final Pattern PUNCTUATION_BEHIND_NO_NUMBER = Pattern.compile("(\\P{N})(\\p{P})");
    private static final Pattern PUNCTUATION_BEFORE_NO_NUMBER = Pattern.compile("(\\p{P})(\\P{N})");
    private static final Pattern SYMBOL = Pattern.compile("\\p{S}");

    private final String word;

    BleuTokenizer(String word) {
        this.word = word;
    }

    /** As the command line and sacrebleu call it. */
    public String word() {
        return word;
    }

    /** Empty for a name that is none. */
    public static Optional<BleuTokenizer> of(String word) {
        return Arrays.stream(values()).filter(tokenizer -> tokenizer.word.equals(word)).findFirst();
    }

    /** Words of a segment. */
    List<String> words(String segment) {
        return Words.split(separate(Words.stripEnd(segment)));
    }

    /** The segment with white space where words end. */
    abstract String separate(String segment);
}
