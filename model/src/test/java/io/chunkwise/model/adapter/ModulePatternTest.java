package io.chunkwise.model.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModulePatternTest {
    private static final String MODULE = "model.layers.11.self_attn.q_proj";

    /** What Python's re.match(rf"(.*\.)?({key})$", name) says. */
    @ParameterizedTest
    @CsvSource(delimiter = ' ', value = {
        "q_proj true", "self_attn.q_proj true", "model.layers.11.self_attn.q_proj true", "^model.layers.11.self_attn.q_proj true",
        "layers.11.* true", "(q|k)_proj true", "q_proj|never true", "never|q_proj true", "\\d+\\.self_attn\\..* true", "q_proj$ true",
        "proj false", "_proj false", "ayers.11.self_attn.q_proj false", "layers.1.self_attn.q_proj false", "^q_proj false", "k_proj false",
        "q_pro false", "model false", "model.layers.11 false", "1.self_attn.q_proj false"})
    void aKeyMatchesTheEndOfTheNameFromADotOn(String key, boolean expected) {
        assertEquals(expected, ModulePattern.suffix(key).matches(MODULE));
    }

    @Test
    void aWholePatternMatchesTheWholeName() {
        assertTrue(ModulePattern.whole("model.*(q|v)_proj").matches(MODULE));
        assertFalse(ModulePattern.whole("q_proj").matches(MODULE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[a", "*", "a{2,1}", "(?P<name>x)", "\\"})
    void whatIsNotAnExpressionIsRefused(String expression) {
        String message = assertThrows(IllegalArgumentException.class, () -> ModulePattern.suffix(expression)).getMessage();
        assertFalse(message.isBlank() || message.contains("\n"), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"([\\w.]+)+!", "(.*)*!", "(.*.*)*.*!", "((((.+)+)+)+)+!", "(a|.|\\w|[^!])*!", "(.+)+\\1!"})
    void anExpressionThatBacktracksWithoutEndIsGivenUp(String expression) {
        ModulePattern pattern = ModulePattern.suffix(expression);
        try {
            assertFalse(pattern.matches(MODULE));
        } catch (IllegalArgumentException e) {
            assertTrue(e.getMessage().contains("too long"), e.getMessage());
        }
    }

    @Test
    void anEndlessExpressionIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> ModulePattern.suffix("a".repeat(4000)));
        assertThrows(IllegalArgumentException.class, () -> ModulePattern.suffix("(".repeat(100_000)));
        assertThrows(IllegalArgumentException.class, () -> ModulePattern.whole("(".repeat(201) + ".*" + ")".repeat(201)));
        assertTrue(ModulePattern.whole("(".repeat(200) + ".*" + ")".repeat(200)).matches(MODULE));
    }
}
