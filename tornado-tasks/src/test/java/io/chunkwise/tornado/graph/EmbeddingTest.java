package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.kernels.Control;
import io.chunkwise.tornado.kernels.EmbeddingKernels;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Rows of a Q8 embedding in which every one of the 256 quants stands in each of the four places of an int. */
class EmbeddingTest {
    private static final int ROWS = 4;
    private static final int WIDTH = 256;

    private final IntArray control = new IntArray(Control.TOKENS + Control.ROW_STRIDE * ROWS);
    private final IntArray quants = new IntArray(ROWS * WIDTH / 4);
    private final FloatArray scales = new FloatArray(ROWS * WIDTH / 32);
    private final FloatArray out = new FloatArray(ROWS * WIDTH);

    EmbeddingTest() {
        control.init(0);
        control.set(Control.ROWS, ROWS);
        for (int row = 0; row < ROWS; row++) {
            control.set(Control.TOKENS + Control.ROW_STRIDE * row, tokenOf(row));
        }
        for (int block = 0; block < scales.getSize(); block++) {
            scales.set(block, 0.25f + block);
            for (int j = 0; j < 8; j++) {
                int i = block % (WIDTH / 32) * 32 + j;
                int token = block / (WIDTH / 32);
                quants.set(block * 8 + j, quant(token, i) & 255 | (quant(token, i + 8) & 255) << 8 | (quant(token, i + 16) & 255) << 16
                        | quant(token, i + 24) << 24);
            }
        }
    }

    @Test
    void everyQuantKeepsItsSign() {
        EmbeddingKernels.embedTokensQ8(control, quants, scales, out, WIDTH);
        check();
    }

    @Tag("tornado")
    @Test
    void everyQuantKeepsItsSignOnThisDevice() {
        DeviceRun.run(TestDevice.best(), List.of(control, quants, scales, out), List.of(out), ROWS, sink -> sink.task("embed",
                Launch.threadsPerRow(WIDTH), EmbeddingKernels::embedTokensQ8, control, quants, scales, out, WIDTH));
        check();
    }

    private void check() {
        for (int row = 0; row < ROWS; row++) {
            for (int i = 0; i < WIDTH; i++) {
                int token = tokenOf(row);
                float scale = 0.25f + (token * WIDTH + i) / 32;
                assertEquals(scale * quant(token, i), out.get(row * WIDTH + i), 0f, "token " + token + ", element " + i);
            }
        }
    }

    private static int tokenOf(int row) {
        return ROWS - 1 - row;
    }

    private static int quant(int token, int i) {
        return (byte) (i + 8 * token);
    }
}
