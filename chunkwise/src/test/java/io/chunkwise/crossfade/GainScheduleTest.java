package io.chunkwise.crossfade;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GainScheduleTest {
    private static final int GROUPS = 3;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4, 8, 16, 64})
    void gainsMoveMonotonicallyToTheChunksOwnAndStayThere(int fade) {
        Random random = new Random(fade);
        GainSchedule schedule = new GainSchedule(fade);
        float[] before = gains(random);
        schedule.begin(before, 5);
        float[] row = new float[GROUPS + 2];
        schedule.next(row, 1);
        assertArrayEquals(new float[] {0, before[0], before[1], before[2], 0}, row, "the first chunk has its gains at once");
        for (int chunk = 0; chunk < 30; chunk++) {
            float[] target = gains(random);
            float[] last = {row[1], row[2], row[3]};
            float[] from = last.clone();
            int length = 1 + random.nextInt(2 * fade + 5);
            schedule.fadeTo(target, 7);
            for (int i = 0; i < length; i++) {
                schedule.next(row, 1);
                for (int group = 0; group < GROUPS; group++) {
                    float value = row[1 + group];
                    String where = "fade " + fade + ", chunk " + chunk + ", row " + i + ", group " + group;
                    assertTrue(Math.abs(target[group] - value) <= Math.abs(target[group] - last[group]), where + " moves away");
                    assertTrue((value - from[group]) * (target[group] - value) >= 0, where + " leaves the way between the chunks");
                    if (i >= fade) {
                        assertEquals(target[group], value, where + " is past the window");
                    } else {
                        assertEquals(from[group] + (i + 1.0) / (fade + 1) * (target[group] - from[group]), value, 1e-5, where);
                    }
                    last[group] = value;
                }
            }
        }
    }

    @Test
    void componentsFadeWithTheGains() {
        GainSchedule schedule = new GainSchedule(3);
        float[] row = new float[1];
        schedule.begin(new float[] {0}, 0);
        schedule.next(row, 0);
        assertEquals(0, schedule.components());
        schedule.fadeTo(new float[] {1}, 8);
        for (double expected : new double[] {2, 4, 6, 8, 8}) {
            schedule.next(row, 0);
            assertEquals(expected, schedule.components(), 1e-6);
            assertEquals(expected / 8, row[0], 1e-6);
        }
    }

    @Test
    void anAdapterWithOtherGroupsBeginsWithoutAFade() {
        GainSchedule schedule = new GainSchedule(8);
        schedule.begin(new float[] {1, 1}, 4);
        schedule.next(new float[2], 0);
        schedule.begin(new float[] {0.5f, 0.25f, 0}, 2);
        float[] row = new float[3];
        schedule.next(row, 0);
        assertArrayEquals(new float[] {0.5f, 0.25f, 0}, row);
        assertEquals(2, schedule.components());
    }

    private static float[] gains(Random random) {
        float[] gains = new float[GROUPS];
        for (int group = 0; group < GROUPS; group++) {
            gains[group] = random.nextInt(3) == 0 ? random.nextInt(2) : 2 * random.nextFloat() - 0.5f;
        }
        return gains;
    }
}
