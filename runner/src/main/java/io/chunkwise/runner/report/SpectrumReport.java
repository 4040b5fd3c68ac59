package io.chunkwise.runner.report;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.runner.inspect.SiteSpectrum;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The spectrum of an adapter or ladder: a table with a bar chart per module, or JSON. */
public final class SpectrumReport {
    private static final int MOST_SITES = 40;
    private static final int LEAST_CHART = 8;
    private static final int WIDEST_CHART = 64;

    private SpectrumReport() {
    }

    /**
     * One line per site, or per kind of projection where that would be a wall of lines.
     *
     * @param all every site, however many
     */
    public static List<String> lines(List<SiteSpectrum> spectra, boolean all, int terminalWidth) {
        boolean bySite = all || spectra.size() <= MOST_SITES;
        List<SiteSpectrum> shown = new ArrayList<>(bySite ? spectra : SiteSpectrum.byKind(spectra));
        if (shown.size() > 1) {
            shown.add(SiteSpectrum.mean("all", spectra));
        }
        List<Integer> ranks = terminalWidth >= 90 ? SiteSpectrum.SHOWN_RANKS : terminalWidth >= 74 ? List.of(1, 4, 16) : List.of(4);
        // Once without charts to see how much room is left for them.
        int used = table(shown, ranks, 1).lines(Integer.MAX_VALUE).stream().mapToInt(String::length).max().orElse(0);
        int chart = Math.clamp((long) terminalWidth - used, LEAST_CHART, WIDEST_CHART);
        return table(shown, ranks, chart).lines(terminalWidth);
    }

    private static Table table(List<SiteSpectrum> spectra, List<Integer> ranks, int chartWidth) {
        List<String> header = new ArrayList<>(List.of("module", ">rank", ">largest"));
        ranks.forEach(rank -> header.add(">first " + rank));
        header.add("spectrum".substring(0, Math.min("spectrum".length(), chartWidth)));
        Table table = new Table(header.toArray(String[]::new));
        for (SiteSpectrum spectrum : spectra) {
            List<String> row = new ArrayList<>(List.of(Quantities.printable(spectrum.module()), Integer.toString(spectrum.rank()),
                    String.format(Locale.ROOT, "%.3g", spectrum.rank() == 0 ? 0 : spectrum.sigmas()[0])));
            ranks.forEach(rank -> row.add(String.format(Locale.ROOT, "%.0f%%", 100 * spectrum.energy(rank))));
            row.add(BarChart.line(spectrum.sigmas(), chartWidth));
            table.row(row.toArray(String[]::new));
        }
        return table;
    }

    /** What the columns of {@link #lines} mean. */
    public static String legend() {
        return "largest: largest singular value of the scaled update; first k: share of the update's energy in its k strongest components";
    }

    /** Fields {@code rank}, {@code energy} and {@code sites[]} with every singular value. */
    public static void writeJson(JsonGenerator json, List<SiteSpectrum> spectra) throws IOException {
        json.writeNumberField("rank", spectra.stream().mapToInt(SiteSpectrum::rank).max().orElse(0));
        if (!spectra.isEmpty()) {
            writeEnergy(json, SiteSpectrum.mean("all", spectra));
        }
        json.writeArrayFieldStart("sites");
        for (SiteSpectrum spectrum : spectra) {
            json.writeStartObject();
            json.writeStringField("module", spectrum.module());
            json.writeNumberField("rank", spectrum.rank());
            json.writeNumberField("inputs", spectrum.inputs());
            json.writeNumberField("outputs", spectrum.outputs());
            json.writeArrayFieldStart("sigmas");
            for (float sigma : spectrum.sigmas()) {
                json.writeNumber(sigma);
            }
            json.writeEndArray();
            writeEnergy(json, spectrum);
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void writeEnergy(JsonGenerator json, SiteSpectrum spectrum) throws IOException {
        json.writeObjectFieldStart("energy");
        for (int rank : SiteSpectrum.SHOWN_RANKS) {
            Json.number(json, Integer.toString(rank), spectrum.energy(rank), 6);
        }
        json.writeEndObject();
    }
}
