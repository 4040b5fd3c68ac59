package io.chunkwise.runner.report.page;

import io.chunkwise.runner.html.Markup;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The middle of the page as it grows: markup, in which every text is escaped, and the plots that stand in it. */
final class Body {
    private final StringBuilder html = new StringBuilder();
    private final List<Plot> plots = new ArrayList<>();
    private final List<String[]> sections = new ArrayList<>();

    /** A section until the next one begins. @param id for links within the page */
    void section(String id, String title) {
        if (!sections.isEmpty()) {
            html.append("</section>\n");
        }
        sections.add(new String[] {id, title});
        html.append("<section id=\"").append(id).append("\">\n<h2>").append(Markup.escaped(title)).append("</h2>\n");
    }

    void heading(String title) {
        element("h3", "", title);
    }

    void paragraph(String text) {
        element("p", "", text);
    }

    /** A remark in smaller letters. */
    void hint(String text) {
        element("p", "hint", text);
    }

    /** Says that a section has nothing to show, and which command makes something for it. */
    void missing(String what, String command) {
        html.append("<p class=\"missing\">").append(Markup.escaped(what)).append(" Made by <code>").append(Markup.escaped(command))
                .append("</code></p>\n");
    }

    /** Plots side by side where there is room; those that say nothing are left out. */
    void plots(List<Plot> shown) {
        List<Plot> saying = shown.stream().filter(Plot::says).toList();
        if (saying.isEmpty()) {
            return;
        }
        html.append("<div class=\"plots\">\n");
        for (Plot plot : saying) {
            String id = "plot-" + plots.size();
            plots.add(plot);
            html.append("<figure class=\"").append(plot.shape().name().toLowerCase(Locale.ROOT)).append("\"><figcaption id=\"")
                    .append(id).append("-title\">").append(Markup.escaped(plot.title()))
                    .append("</figcaption><div class=\"canvas\"><canvas id=\"").append(id).append("\" role=\"img\" aria-labelledby=\"")
                    .append(id).append("-title\"></canvas></div></figure>\n");
        }
        html.append("</div>\n");
    }

    /**
     * A table that scrolls where it is too wide.
     *
     * @param columns titles; those that begin with {@code >} are numbers; after a line feed stands what is said in smaller letters
     * @param rows    cells, line feeds as in titles; the first of each is its heading
     */
    void table(String caption, List<String> columns, List<List<String>> rows) {
        html.append("<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"").append(Markup.escaped(caption))
                .append("\"><table>\n<caption>").append(Markup.escaped(caption)).append("</caption>\n<thead><tr>");
        for (String column : columns) {
            html.append("<th scope=\"col\"").append(column.startsWith(">") ? " class=\"number\">" : ">")
                    .append(cell(column.startsWith(">") ? column.substring(1) : column)).append("</th>");
        }
        html.append("</tr></thead>\n<tbody>\n");
        for (List<String> row : rows) {
            html.append("<tr>");
            for (int i = 0; i < row.size(); i++) {
                String tag = i == 0 ? "th" : "td";
                html.append('<').append(tag).append(i == 0 ? " scope=\"row\"" : "")
                        .append(columns.get(i).startsWith(">") ? " class=\"number\">" : ">").append(cell(row.get(i)))
                        .append("</").append(tag).append('>');
            }
            html.append("</tr>\n");
        }
        html.append("</tbody></table></div>\n");
    }

    /** The same, folded. */
    void foldedTable(String caption, List<String> columns, List<List<String>> rows) {
        html.append("<details><summary>").append(Markup.escaped(caption)).append("</summary>\n");
        table(caption, columns, rows);
        html.append("</details>\n");
    }

    /** All of it, with every section ended. */
    String html() {
        return html + (sections.isEmpty() ? "" : "</section>\n");
    }

    List<Plot> plots() {
        return List.copyOf(plots);
    }

    /** Links to the sections. */
    String contents() {
        StringBuilder links = new StringBuilder();
        for (String[] section : sections) {
            links.append("<a href=\"#").append(section[0]).append("\">").append(Markup.escaped(section[1])).append("</a>\n");
        }
        return links.toString();
    }

    private void element(String tag, String style, String text) {
        html.append('<').append(tag).append(style.isEmpty() ? "" : " class=\"" + style + '"').append('>').append(Markup.escaped(text))
                .append("</").append(tag).append(">\n");
    }

    private static String cell(String text) {
        String[] lines = text.split("\n", -1);
        StringBuilder cell = new StringBuilder(Markup.escaped(lines[0]));
        for (int i = 1; i < lines.length; i++) {
            cell.append("<small>").append(Markup.escaped(lines[i])).append("</small>");
        }
        return cell.toString();
    }
}
