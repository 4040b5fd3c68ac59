package io.chunkwise.runner.trace;

import java.util.List;

/** Text as it streams, each piece in the colour of its rung. */
public final class ColouredText {
    private final RungColours colours;
    private final List<RungName> rungs;

    /**
     * A rung that text can have.
     *
     * @param label as {@link io.chunkwise.schedule.Decision#rung} says it
     * @param bands names of the bands that have it
     */
    public record RungName(String label, List<String> bands) {
    }

    /** @param rungs ascending in components */
    public ColouredText(RungColours colours, List<RungName> rungs) {
        this.colours = colours;
        this.rungs = List.copyOf(rungs);
    }

    /** The text as it goes to the terminal. Ends its own colour: whoever is interrupted leaves the terminal as it was. @param rung its label */
    public String piece(String rung, String text) {
        return start(rung) + text + colours.end();
    }

    /** Which colour means what, in one line. */
    public String legend() {
        StringBuilder line = new StringBuilder("rungs:");
        for (RungName rung : rungs) {
            line.append("  ").append(start(rung.label())).append(rung.label()).append(colours.end());
            line.append(" (").append(String.join(", ", rung.bands())).append(')');
        }
        return line.toString();
    }

    private String start(String label) {
        for (int rung = 0; rung < rungs.size(); rung++) {
            if (rungs.get(rung).label().equals(label)) {
                return colours.start(rung, rungs.size());
            }
        }
        return colours.start(rungs.size() - 1, rungs.size());
    }
}
