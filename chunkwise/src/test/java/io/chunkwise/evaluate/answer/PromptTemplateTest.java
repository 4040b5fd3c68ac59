package io.chunkwise.evaluate.answer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import org.junit.jupiter.api.Test;

class PromptTemplateTest {

    @Test
    void placesAreFilledOnceAndOtherBracesAreText() {
        PromptTemplate template = PromptTemplate.of("{\"x\": 1} {other} {question}|{context}|{question}", "context", "question");
        assertEquals("{\"x\": 1} {other} $1{context}|{question}\\|$1{context}",
                template.fill(Map.of("context", "{question}\\", "question", "$1{context}")));
    }

    @Test
    void aTemplateWithoutAPlaceIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> PromptTemplate.of("{context}", "context", "question"));
    }
}
