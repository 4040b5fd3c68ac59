package io.chunkwise.tornado.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** How attention is shared among groups. */
class SplitsTest {

    @Test
    void aRowThatIsAloneHasManySplitsAndManyRowsHaveOne() {
        assertEquals(32, Splits.of(1, 32));
        assertEquals(32, Splits.of(1, 1), "at most");
        assertEquals(8, Splits.of(4, 32));
        assertEquals(1, Splits.of(32, 32));
        assertEquals(1, Splits.of(512, 71));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 12, 32, 33, 71, 2000})
    void splitsFitIntoTheirBuffer(int heads) {
        for (int rows = 1; rows <= 300; rows++) {
            int splits = rows * heads * Splits.of(rows, heads);
            assertTrue(splits <= Splits.most(rows, heads) && splits <= Splits.most(300, heads), splits + " of " + rows + " rows");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 20, 1000})
    void usedSplitsHaveAPageAndAllOfThemEveryPage(int window) {
        IntArray control = new IntArray(Control.TOKENS);
        control.set(Control.ROWS, 1);
        control.set(Control.WINDOW, window);
        for (int last = 0; last < 3000; last += 7) {
            control.set(Control.POSITION, last);
            int pages = last / Page.TOKENS - (window == 0 ? 0 : Math.max(0, last - window + 1) / Page.TOKENS) + 1;
            for (int heads : new int[] {3, 40, 100, 600, 2000}) {
                int each = Splits.pagesEach(pages, Splits.of(1, heads));
                int used = Splits.used(control, 0, heads);
                String what = used + " splits of " + each + " for " + pages + " pages, " + heads + " heads";
                assertTrue(used <= Splits.of(1, heads) && used * each >= pages && (used - 1) * each < pages, what);
            }
        }
    }
}
