package io.chunkwise.evaluate.bleu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BleuTokenizerTest {

    // From sacrebleu 2.6.0's tokenizers.
    @ParameterizedTest
    @CsvSource(delimiter = '~', quoteCharacter = '§', textBlock = """
        Hello, world! ~ Hello , world ! ~ Hello , world !
        1,000.50 (or 5-6) €7. ~ 1,000.50 ( or 5-6 ) € 7. ~ 1,000.50 ( or 5 - 6 ) €7 .
        a,b.c 3. ~ a , b . c 3. ~ a , b . c 3 .
        „Wir“ — ja… ~ „ Wir “ — ja … ~ „Wir“ — ja…
        &quot;x&amp;y&quot; &lt;skipped&gt; <skipped> ~ & quot ; x & amp ; y & quot ; & lt ; skipped & gt ; < skipped > ~ " x & y " < \
        skipped >
        ..., 5,a a,5 5-5 5-a a-5 ~ . . . , 5 , a a , 5 5-5 5 - a a - 5 ~ . . . , 5 , a a , 5 5 - 5 5 - a a-5
        日本語、テスト。 ~ 日本語 、 テスト 。 ~ 日本語、テスト。
        x\u00A0y\u2003z 12% $3 #tag @a ~ x y z 12 % $ 3 # tag @ a ~ x y z 12 % $ 3 # tag @ a
        emoji 😀 a😀b ~ emoji 😀 a 😀 b ~ emoji 😀 a😀b
        ¿Qué? ½ ² 3², x ~ ¿ Qué ? ½ ² 3² , x ~ ¿Qué ? ½ ² 3² , x
        """)
    void wordsAreSacrebleus(String segment, String international, String mteval) {
        assertEquals(international, String.join(" ", BleuTokenizer.INTERNATIONAL.words(segment)));
        assertEquals(mteval, String.join(" ", BleuTokenizer.MTEVAL_13A.words(segment)));
    }

    @Test
    void everyAsciiSymbolButFourIsAWordOfItsOwn() {
        String segment = "it's \"q\" [a]{b}~`^_\\|";
        assertEquals("it's \" q \" [ a ] { b } ~ ` ^ _ \\ |", String.join(" ", BleuTokenizer.MTEVAL_13A.words(segment)));
        assertEquals("it ' s \" q \" [ a ] { b } ~ ` ^ _ \\ |", String.join(" ", BleuTokenizer.INTERNATIONAL.words(segment)));
    }

    @Test
    void charactersAreCodePointsWithoutWhiteSpace() {
        assertEquals(List.of("a", "😀", "b", "."), BleuTokenizer.CHAR.words(" a😀 b. "));
        assertEquals(List.of("a😀", "b."), BleuTokenizer.NONE.words(" a😀 b. "));
        assertEquals(List.of(), BleuTokenizer.CHAR.words(" "));
    }

    @Test
    void tokenizersHaveSacrebleusNames() {
        for (BleuTokenizer tokenizer : BleuTokenizer.values()) {
            assertEquals(tokenizer, BleuTokenizer.of(tokenizer.word()).orElseThrow());
        }
        assertEquals(true, BleuTokenizer.of("zh").isEmpty());
    }
}
