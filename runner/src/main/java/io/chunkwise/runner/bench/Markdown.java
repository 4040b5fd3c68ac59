package io.chunkwise.runner.bench;

import java.util.ArrayList;
import java.util.List;

/** A Markdown table that is also readable as plain text: its columns are aligned. */
final class Markdown {
    private final List<String> titles;
    private final List<Boolean> rightAligned;
    private final List<List<String>> rows = new ArrayList<>();

    /** @param titles one that begins with '>' is aligned to the right */
    Markdown(List<String> titles) {
        this.titles = titles.stream().map(title -> title.startsWith(">") ? title.substring(1) : title).toList();
        rightAligned = titles.stream().map(title -> title.startsWith(">")).toList();
    }

    void row(List<String> cells) {
        if (cells.size() != titles.size()) {
            throw new IllegalArgumentException(cells.size() + " cells for " + titles.size() + " columns");
        }
        rows.add(cells.stream().map(cell -> cell.replace("|", "\\|")).toList());
    }

    List<String> lines() {
        int[] width = new int[titles.size()];
        List<List<String>> all = new ArrayList<>(rows);
        all.addFirst(titles);
        for (List<String> row : all) {
            for (int i = 0; i < width.length; i++) {
                width[i] = Math.max(Math.max(width[i], 2), row.get(i).codePointCount(0, row.get(i).length()));
            }
        }
        List<String> lines = new ArrayList<>();
        all.forEach(row -> lines.add(line(row, width)));
        StringBuilder rule = new StringBuilder("|");
        for (int i = 0; i < width.length; i++) {
            rule.append(' ').append("-".repeat(width[i])).append(rightAligned.get(i) ? ":|" : " |");
        }
        lines.add(1, rule.toString());
        return lines;
    }

    private String line(List<String> row, int[] width) {
        StringBuilder line = new StringBuilder("|");
        for (int i = 0; i < width.length; i++) {
            String cell = row.get(i);
            String padding = " ".repeat(width[i] - cell.codePointCount(0, cell.length()));
            line.append(' ').append(rightAligned.get(i) ? padding + cell : cell + padding).append(" |");
        }
        return line.toString();
    }
}
