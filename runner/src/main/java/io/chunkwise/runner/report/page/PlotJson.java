package io.chunkwise.runner.report.page;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.runner.html.Markup;
import io.chunkwise.runner.report.Json;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** Plots as the page's script reads them. */
final class PlotJson {
    private static final int DIGITS = 6;

    private PlotJson() {
    }

    static void write(JsonGenerator json, List<Plot> plots) throws IOException {
        json.writeStartArray();
        for (Plot plot : plots) {
            json.writeStartObject();
            json.writeStringField("shape", word(plot.shape()));
            axis(json, "x", plot.x());
            axis(json, "y", plot.y());
            if (plot.shape() == Plot.Shape.BARS) {
                json.writeArrayFieldStart("labels");
                for (String label : plot.labels()) {
                    json.writeString(Markup.visible(label));
                }
                json.writeEndArray();
            }
            json.writeArrayFieldStart("series");
            for (Plot.Series series : plot.series()) {
                series(json, series);
            }
            json.writeEndArray();
            json.writeArrayFieldStart("rules");
            for (Plot.Rule rule : plot.rules()) {
                json.writeStartObject();
                json.writeBooleanField("vertical", rule.vertical());
                Json.number(json, "at", rule.at(), DIGITS);
                json.writeStringField("label", Markup.visible(rule.label()));
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeArrayFieldStart("stretches");
            for (Plot.Stretch stretch : plot.stretches()) {
                json.writeStartArray();
                json.writeNumber(stretch.start());
                json.writeNumber(stretch.end());
                json.writeString(Markup.visible(stretch.name()));
                json.writeEndArray();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void axis(JsonGenerator json, String name, Plot.Axis axis) throws IOException {
        json.writeObjectFieldStart(name);
        json.writeStringField("label", Markup.visible(axis.label()));
        json.writeStringField("unit", word(axis.unit()));
        json.writeEndObject();
    }

    private static void series(JsonGenerator json, Plot.Series series) throws IOException {
        json.writeStartObject();
        json.writeStringField("name", Markup.visible(series.name()));
        json.writeBooleanField("joined", series.joined());
        json.writeBooleanField("marked", series.marked());
        json.writeArrayFieldStart("points");
        for (Plot.Point point : series.points()) {
            if (point.finite()) {
                json.writeStartArray();
                Json.number(json, point.x(), DIGITS);
                Json.number(json, point.y(), DIGITS);
                Json.number(json, point.error(), DIGITS);
                json.writeString(Markup.visible(point.label()));
                json.writeString(Markup.visible(point.tip()));
                json.writeEndArray();
            }
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
