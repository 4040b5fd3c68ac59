package io.chunkwise.runner.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class TableTest {

    @Test
    void columnsAreAlignedAndTrailingSpacesAreLeftOut() {
        Table table = new Table("name", ">bytes", "note");
        table.row("a", "5", "");
        table.row("longer", "1234567", "x");
        assertEquals(List.of("name      bytes  note", "a             5", "longer  1234567  x"), table.lines(80));
    }

    @Test
    void aLineThatDoesNotFitLosesItsEnd() {
        Table table = new Table("a", "b");
        table.row("12345", "abcdefgh");
        assertEquals("12345  abc…", table.lines(11).get(1));
    }

    @Test
    void aNameThatDoesNotFitLosesItsBeginning() {
        Table table = new Table("a", "…name");
        table.row("12345", "model.layers.q_proj");
        table.row("1", "short");
        assertEquals(List.of("a      name", "12345  …q_proj", "1      short"), table.lines(14));
    }

    @Test
    void aRowOfAnotherLengthIsAMistake() {
        assertThrows(IllegalArgumentException.class, () -> new Table("a", "b").row("1"));
    }
}
