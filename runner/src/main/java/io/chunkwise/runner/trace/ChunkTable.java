package io.chunkwise.runner.trace;

import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.report.Table;
import io.chunkwise.trace.ChunkTrace;
import io.chunkwise.trace.SequenceTrace;
import java.util.List;
import java.util.Locale;

/** The chunks of a trace for people without colours: one line each. */
public final class ChunkTable {
    private static final int EXCERPT = 40;

    private ChunkTable() {
    }

    /**
     * @param texts [tokens] what each token adds to the text
     * @return one string per line
     */
    public static List<String> lines(SequenceTrace trace, List<String> texts, int width) {
        boolean adapters = trace.chunks().stream().map(ChunkTrace::adapter).distinct().count() > 1;
        Table table = adapters
                ? new Table(">chunk", "tokens", "band", "rung", ">components", ">scale", "KV", ">error", "adapter", "text")
                : new Table(">chunk", "tokens", "band", "rung", ">components", ">scale", "KV", ">error", "text");
        for (int i = 0; i < trace.chunks().size(); i++) {
            ChunkTrace chunk = trace.chunks().get(i);
            String text = excerpt(texts.subList(chunk.start(), chunk.end()));
            String number = Integer.toString(i + 1);
            String span = chunk.start() + "–" + (chunk.end() - 1);
            String components = String.format(Locale.ROOT, "%.1f", chunk.meanComponents());
            String scale = String.format(Locale.ROOT, "%.2f", chunk.scale());
            String kv = TraceJson.word(chunk.kvFormat());
            String error = Double.isNaN(chunk.linearizationError()) ? "-" : String.format(Locale.ROOT, "%.2g", chunk.linearizationError());
            if (adapters) {
                String adapter = chunk.adapter().isEmpty() ? "none" : chunk.adapter();
                table.row(number, span, chunk.band(), chunk.rung(), components, scale, kv, error, adapter, text);
            } else {
                table.row(number, span, chunk.band(), chunk.rung(), components, scale, kv, error, text);
            }
        }
        return table.lines(width);
    }

    private static String excerpt(List<String> texts) {
        String text = Quantities.printable(String.join("", texts));
        int length = text.codePointCount(0, text.length());
        return length <= EXCERPT ? text : text.substring(0, text.offsetByCodePoints(0, EXCERPT - 1)) + "…";
    }
}
