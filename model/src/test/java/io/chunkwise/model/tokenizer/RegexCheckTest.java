package io.chunkwise.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegexCheckTest {

    @ParameterizedTest
    @ValueSource(strings = {
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
                + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t)?|\\p{N}{1,3}",
        "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
        "\\d{1,3}(?=(?:\\d{3})*\\b)", "(?=(\\d{3})+(?!\\d))", " ?[^(\\s|[.,!?…。，、।۔،])]+", "\\(+\\)*", "[]a]+", "(a+)?", "(a+){1,3}",
        "a{3}", "", "[", "(", ")", "\\", "a{"})
    void patternsOfPublishedTokenizersAndMalformedOnesPass(String pattern) {
        assertTrue(RegexCheck.isHarmless(pattern));
    }

    @ParameterizedTest
    @ValueSource(strings = {"(x+x+)+y", "(?:a*)*", "((a|b+)c)*", "(?=(a+)+)", "(a{2,})+", "(a+)+?", "(?:[)]+)*", "(\\)+)*", "(a+){5,}",
            "(a)\\1",
        "(?<n>a)\\k<n>", "(?:a|(?:b|(?:c+)))*", "(?>a+)*"})
    void nestedUnlimitedRepetitionsAndReferencesDoNot(String pattern) {
        assertFalse(RegexCheck.isHarmless(pattern));
    }
}
