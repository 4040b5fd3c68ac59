package io.chunkwise.evaluate.squad;

import io.chunkwise.evaluate.Words;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * An answer as the official scorer of SQuAD 2.0 compares it: in lower case, without ASCII punctuation, without the articles a, an and the,
 * cut at white space.
 */
final class AnswerWords {
    private static final Pattern PUNCTUATION = Pattern.compile("[!-/:-@\\[-`{-~]");
    // Word characters are Python's: letters and digits of all scripts, and the low line.
    private static final Pattern ARTICLE = Pattern.compile("(?<![\\p{L}\\p{N}_])(?:a|an|the)(?![\\p{L}\\p{N}_])");

    private AnswerWords() {
    }

    static List<String> of(String answer) {
        String bare = PUNCTUATION.matcher(answer.toLowerCase(Locale.ROOT)).replaceAll("");
        return Words.split(ARTICLE.matcher(bare).replaceAll(" "));
    }
}
