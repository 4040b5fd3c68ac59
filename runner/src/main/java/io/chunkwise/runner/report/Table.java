package io.chunkwise.runner.report;

import java.util.ArrayList;
import java.util.List;

/** Rows of text in aligned columns. The last column is cut where it does not fit the terminal. */
public final class Table {
    private final List<String> header;
    private final List<Boolean> rightAligned;
    private final List<List<String>> rows = new ArrayList<>();

    /** @param header column titles; one that begins with '>' is aligned to the right */
    public Table(String... header) {
        this.header = List.of(header).stream().map(title -> title.startsWith(">") ? title.substring(1) : title).toList();
        rightAligned = List.of(header).stream().map(title -> title.startsWith(">")).toList();
    }

    public void row(String... cells) {
        if (cells.length != header.size()) {
            throw new IllegalArgumentException(cells.length + " cells for " + header.size() + " columns");
        }
        rows.add(List.of(cells));
    }

    public boolean isEmpty() {
        return rows.isEmpty();
    }

    /** One string per line. */
    public List<String> lines(int terminalWidth) {
        int[] width = new int[header.size()];
        List<List<String>> all = new ArrayList<>();
        all.add(header);
        all.addAll(rows);
        for (List<String> row : all) {
            for (int column = 0; column < width.length; column++) {
                width[column] = Math.max(width[column], length(row.get(column)));
            }
        }
        return all.stream().map(row -> line(row, width, terminalWidth)).toList();
    }

    private String line(List<String> row, int[] width, int terminalWidth) {
        StringBuilder line = new StringBuilder();
        for (int column = 0; column < width.length; column++) {
            boolean last = column == width.length - 1;
            String cell = row.get(column);
            String padding = " ".repeat(width[column] - length(cell));
            line.append(rightAligned.get(column) ? padding + cell : last ? cell : cell + padding).append(last ? "" : "  ");
        }
        String text = line.toString().stripTrailing();
        return length(text) <= terminalWidth ? text : text.substring(0, text.offsetByCodePoints(0, terminalWidth - 1)) + "…";
    }

    private static int length(String text) {
        return text.codePointCount(0, text.length());
    }
}
