package io.chunkwise.tornado.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.exceptions.TornadoBailoutRuntimeException;

class ReasonTest {

    @Test
    void aTaskThatDoesNotCompileIsNamedWithItsErrorAlone() {
        var inner = new TornadoBailoutRuntimeException("Unable to compile layer.attend\nThe internal error is: [Error] no such thing.\n"
                + "Stacktrace: [a.b.C.d(C.java:1), a.b.C.e(C.java:2)]");
        var outer = new TornadoBailoutRuntimeException("Bailout is disabled. \nReason: " + inner.getMessage());
        assertEquals("TornadoBailoutRuntimeException: Unable to compile layer.attend: [Error] no such thing", Reason.of(outer).toString());
    }

    @Test
    void theInnermostCauseCounts() {
        var cause = new IllegalStateException("\u001B[31mno platform\u001B[0m");
        Reason reason = Reason.of(new RuntimeException("outer", new RuntimeException("middle", cause)));
        assertSame(cause, reason.root());
        assertEquals("no platform", reason.message());
    }

    @Test
    void aFailureWithoutAMessageIsItsKind() {
        assertEquals("NullPointerException", Reason.of(new NullPointerException()).toString());
        assertEquals("IllegalStateException", Reason.of(new IllegalStateException("Bailout is disabled. \nReason: null")).toString());
    }

    @Test
    void errorsAreReasonsTooButForThoseOfTheVirtualMachine() {
        assertEquals("AssertionError: no such node", Reason.of(new AssertionError("no such node")).toString());
        OutOfMemoryError fatal = new OutOfMemoryError("heap");
        assertSame(fatal, assertThrows(OutOfMemoryError.class, () -> Reason.of(fatal)));
    }
}
