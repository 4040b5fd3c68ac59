package io.chunkwise.runner.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.runner.trace.ColouredText.RungName;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ColouredTextTest {
    private static final List<RungName> RUNGS = List.of(new RungName("off", List.of("easy")), new RungName("8", List.of("medium")),
            new RungName("all", List.of("hard", "hardest")));

    @Test
    void everyPieceHasTheColourOfItsRungAndEndsIt() {
        ColouredText text = new ColouredText(RungColours.MANY, RUNGS);
        assertEquals("\033[38;5;27mOnce\033[0m", text.piece("off", "Once"));
        assertEquals("\033[38;5;129m a\033[0m", text.piece("all", " a"));
    }

    @Test
    void withoutColoursTextAndLegendArePlain() {
        ColouredText text = new ColouredText(RungColours.NONE, RUNGS);
        assertEquals("Once", text.piece("off", "Once"));
        assertEquals(" upon", text.piece("all", " upon"));
        assertEquals("rungs:  off (easy)  8 (medium)  all (hard, hardest)", text.legend());
    }

    @Test
    void theLegendShowsEveryRungInItsColour() {
        String legend = new ColouredText(RungColours.SIXTEEN, RUNGS).legend();
        assertEquals("rungs:  \033[34moff\033[0m (easy)  \033[33m8\033[0m (medium)  \033[35mall\033[0m (hard, hardest)", legend);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 6})
    void rungsHaveColoursOfTheirOwn(int rungs) {
        Set<String> seen = new HashSet<>();
        for (int rung = 0; rung < rungs; rung++) {
            assertTrue(seen.add(RungColours.MANY.start(rung, rungs)), rung + " of " + rungs);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anyNumberOfRungsHasColours(RungColours colours) {
        for (int rungs = 1; rungs <= 40; rungs++) {
            for (int rung = 0; rung < rungs; rung++) {
                assertEquals(colours == RungColours.NONE, colours.start(rung, rungs).isEmpty());
            }
        }
        assertFalse(RungColours.MANY.start(0, 16).equals(RungColours.MANY.start(15, 16)));
    }
}
