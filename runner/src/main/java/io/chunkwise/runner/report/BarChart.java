package io.chunkwise.runner.report;

/** Small charts of block characters, one character per value. */
public final class BarChart {
    private static final String BLOCKS = "▁▂▃▄▅▆▇█";

    private BarChart() {
    }

    /**
     * Values as bars on one line, the largest at full height.
     *
     * @param values   0 or more
     * @param maxWidth characters at most; where there are more values, neighbours share a bar of their largest
     */
    public static String line(float[] values, int maxWidth) {
        int perBar = Math.ceilDiv(Math.max(1, values.length), Math.max(1, maxWidth));
        int bars = Math.ceilDiv(values.length, perBar);
        float largest = 0;
        for (float value : values) {
            largest = Math.max(largest, value);
        }
        StringBuilder line = new StringBuilder();
        for (int bar = 0; bar < bars; bar++) {
            float height = 0;
            for (int i = bar * perBar; i < Math.min(values.length, (bar + 1) * perBar); i++) {
                height = Math.max(height, values[i]);
            }
            int level = largest == 0 ? 0 : Math.round(height / largest * (BLOCKS.length() - 1));
            line.append(BLOCKS.charAt(level));
        }
        return line.toString();
    }
}
