package io.chunkwise.runner.trace;

import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.selection.RungSelector;
import io.chunkwise.selection.Selection;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

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
    record RungName(String label, List<String> bands) {
    }

    /** @param rungs ascending in components */
    ColouredText(RungColours colours, List<RungName> rungs) {
        this.colours = colours;
        this.rungs = List.copyOf(rungs);
    }

    /** For the rungs that a policy may give to chunks of a text. @param selectors of its adapters */
    public static ColouredText of(RungColours colours, ChunkPolicy policy, List<RungSelector> selectors) {
        SequencedMap<String, List<String>> bands = new LinkedHashMap<>();
        selectors.stream().flatMap(selector -> selector.rungs().stream()).sorted(Comparator.comparingDouble(Selection::components))
                .forEach(rung -> bands.putIfAbsent(rung.rung(), new ArrayList<>()));
        for (int band = 0; band < policy.bands().size(); band++) {
            for (RungSelector selector : selectors) {
                List<String> names = bands.get(selector.select(band).rung());
                if (!names.contains(policy.bands().get(band).name())) {
                    names.add(policy.bands().get(band).name());
                }
            }
        }
        boolean limited = policy.budget() < Double.POSITIVE_INFINITY;
        return new ColouredText(colours, bands.entrySet().stream().filter(rung -> limited || !rung.getValue().isEmpty())
                .map(rung -> new RungName(rung.getKey(), rung.getValue().isEmpty() ? List.of("within the budget") : rung.getValue()))
                .toList());
    }

    /**
     * The text as it goes to the terminal. Ends its own colour: whoever is interrupted leaves the terminal as it was.
     *
     * @param rung its label
     */
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
