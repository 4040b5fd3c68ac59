package io.chunkwise.runner.report;

import java.util.ArrayList;
import java.util.List;

/** Rows of text in aligned columns. Lines are cut where they do not fit the terminal. */
public final class Table {
    private final List<String> header;
    private final List<Boolean> rightAligned;
    private final boolean keepsEnds;
    private final List<List<String>> rows = new ArrayList<>();

    /**
     * @param header column titles; one that begins with '>' is aligned to the right, and a last one that begins with '…'
     *               loses the beginnings of its cells where the line is too long, not the ends
     */
    public Table(String... header) {
        List<String> titles = List.of(header);
        this.header = titles.stream().map(title -> title.startsWith(">") || title.startsWith("…") ? title.substring(1) : title).toList();
        rightAligned = titles.stream().map(title -> title.startsWith(">")).toList();
        keepsEnds = titles.getLast().startsWith("…");
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
            int surplus = length(line.toString()) + length(cell) - terminalWidth;
            if (last && keepsEnds && surplus > 0 && surplus + 1 < length(cell)) {
                cell = "…" + cell.substring(cell.offsetByCodePoints(0, surplus + 1));
            }
            String padding = " ".repeat(Math.max(0, width[column] - length(cell)));
            line.append(rightAligned.get(column) ? padding + cell : last ? cell : cell + padding).append(last ? "" : "  ");
        }
        String text = line.toString().stripTrailing();
        return length(text) <= terminalWidth ? text : text.substring(0, text.offsetByCodePoints(0, terminalWidth - 1)) + "…";
    }

    private static int length(String text) {
        return text.codePointCount(0, text.length());
    }
}
