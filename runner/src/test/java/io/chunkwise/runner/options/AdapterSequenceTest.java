package io.chunkwise.runner.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.runner.options.AdapterSequence.Entry;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdapterSequenceTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        models/calm             | calm    | models/calm            | 0
        models/calm/            | calm    | models/calm            | 0
        models/calm.gguf        | calm    | models/calm.gguf       | 0
        wild=models/calm        | wild    | models/calm            | 0
        wild=models/calm@120    | wild    | models/calm            | 120
        models/calm@120         | calm    | models/calm            | 120
        models/a@b/calm         | calm    | models/a@b/calm        | 0
        models/a=b              | a=b     | models/a=b             | 0
        x=a=b@0                 | x       | a=b                    | 0
        w.i-l_d2=m@1@2          | w.i-l_d2| m@1                    | 2
        Größe=m                 | Größe   | m                      | 0
        """)
    void aNameAPathAndATokenAreTold(String text, String name, String path, int token) {
        AdapterSequence sequence = AdapterSequence.parse(List.of(text));
        assertEquals(Map.of(name, Path.of(path)), sequence.files());
        assertEquals(new Entry(name, token), sequence.entries().getLast());
    }

    @Test
    void namesReferToAdaptersGivenBefore() {
        AdapterSequence sequence = AdapterSequence.parse(List.of("calm=a", "wild=b@50", "calm@100", "none@120"));
        assertEquals(List.of("calm", "wild"), List.copyOf(sequence.files().keySet()));
        assertEquals(List.of(new Entry("calm", 0), new Entry("wild", 50), new Entry("calm", 100), new Entry("none", 120)),
                sequence.entries());
    }

    @Test
    void theSamePathIsLoadedOnce() {
        AdapterSequence sequence = AdapterSequence.parse(List.of("m/a", "b@5", "m/a@9"));
        assertEquals(2, sequence.files().size());
        assertEquals(new Entry("a", 9), sequence.entries().getLast());
    }

    @Test
    void entriesComeInTheOrderOfTheirTokens() {
        AdapterSequence sequence = AdapterSequence.parse(List.of("b@50", "a"));
        assertEquals(List.of(new Entry("a", 0), new Entry("b", 50)), sequence.entries());
    }

    @Test
    void beforeTheFirstAdapterTheBaseIsInUse() {
        assertEquals(List.of(new Entry("none", 0), new Entry("b", 50)), AdapterSequence.parse(List.of("b@50")).entries());
        assertEquals(List.of(new Entry("none", 0)), AdapterSequence.parse(List.of()).entries());
    }

    @Test
    void anEmptyPathIsRefused() {
        String message = assertThrows(IllegalArgumentException.class, () -> AdapterSequence.parse(List.of(""))).getMessage();
        assertTrue(message.contains("[NAME=]PATH[@TOKEN]"), message);
    }
}
