package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.calibrate.budget.Budget;
import io.chunkwise.calibrate.budget.CalibratedPolicy;
import io.chunkwise.calibrate.budget.PolicyCalibrator.HeldOut;
import io.chunkwise.calibrate.budget.Trial;
import io.chunkwise.evaluate.Configuration;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.report.Table;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a calibration found, for people, for scripts and for the policy's file.
 *
 * @param target      the policy's file
 * @param ladder      the file of its ladder, if it needs one
 * @param made        of which model and adapter, where
 * @param textTokens  of the calibration text, without what is held out
 * @param heldOutText what it is, for people
 */
record CalibrationReport(Budget budget, CalibratedPolicy found, HeldOut checked, Path target, Optional<Path> ladder, Configuration made,
        String text, int textTokens, String heldOutText, int window) {
    private static final int DIGITS = 9; // behind the point
    private static final int COMMENT_WIDTH = 120;

    boolean within() {
        return checked.within(budget);
    }

    void writeJson(JsonGenerator json) throws IOException {
        json.writeStringField("kind", "calibration");
        json.writeStringField("policy", within() ? target.toString() : null);
        json.writeStringField("ladder", within() ? ladder.map(Path::toString).orElse(null) : null);
        json.writeObjectFieldStart("budget");
        switch (budget) {
            case Budget.MaxIncrease(double fraction) -> Json.number(json, "maxPplIncrease", fraction, DIGITS);
            case Budget.MeanComponents(double components) -> Json.number(json, "meanComponents", components, DIGITS);
        }
        json.writeEndObject();
        Json.number(json, "predictedIncrease", found.chosen().increase(), DIGITS);
        Json.number(json, "measuredIncrease", checked.chosen().increase(), DIGITS);
        Json.number(json, "predictedComponents", found.chosen().figures().meanComponents(), DIGITS);
        Json.number(json, "measuredComponents", checked.chosen().figures().meanComponents(), DIGITS);
        json.writeNumberField("kvBytes", checked.chosen().figures().kvBytes());
        json.writeNumberField("kvBytesFull", checked.full().figures().kvBytes());
        json.writeBooleanField("withinBudget", within());
        json.writeStringField("name", found.chosen().candidate().name());
        json.writeStringField("kvPolicy", found.chosen().candidate().kv().word());
        json.writeStringField("reason", found.reason());
        json.writeArrayFieldStart("candidates");
        for (Trial trial : found.trials()) {
            json.writeStartObject();
            candidate(json, trial);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeObjectFieldStart("calibration");
        json.writeStringField("text", text);
        json.writeNumberField("tokens", textTokens);
        json.writeNumberField("windows", found.chosen().rows().size());
        json.writeEndObject();
        json.writeObjectFieldStart("heldOut");
        json.writeStringField("text", heldOutText);
        json.writeNumberField("tokens", checked.chosen().figures().scored());
        Json.number(json, "nll", checked.chosen().figures().nll(), DIGITS);
        Json.number(json, "perplexity", checked.chosen().figures().perplexity(), DIGITS);
        Json.number(json, "fullNll", checked.full().figures().nll(), DIGITS);
        Json.number(json, "fullPerplexity", checked.full().figures().perplexity(), DIGITS);
        Json.number(json, "standardError", checked.chosen().standardError(), DIGITS);
        json.writeEndObject();
        json.writeStringField("model", EvaluationReport.text(made, "model"));
        json.writeStringField("adapter", EvaluationReport.text(made, "adapter"));
        json.writeNumberField("window", window);
        AdapterSession.writePlace(json, made);
        json.writeStringField("version", EvaluationReport.text(made, "version"));
    }

    private void candidate(JsonGenerator json, Trial trial) throws IOException {
        json.writeStringField("name", trial.candidate().name());
        json.writeStringField("policyKind", trial.candidate().adaptive() ? "adaptive" : "uniform");
        json.writeStringField("kvPolicy", trial.candidate().kvName());
        Json.number(json, "meanComponents", trial.figures().meanComponents(), DIGITS);
        json.writeNumberField("kvBytes", trial.figures().kvBytes());
        Json.number(json, "increase", trial.increase(), DIGITS);
        Json.number(json, "standardError", trial.standardError(), DIGITS);
        json.writeBooleanField("chosen", trial == found.chosen());
    }

    String text(int width) {
        List<String> lines = new ArrayList<>(table().lines(width));
        lines.add("");
        lines.add("chosen: " + chosen());
        lines.add("because " + found.reason());
        lines.add("");
        lines.addAll(results());
        lines.add("");
        if (within()) {
            lines.add("written: " + target + ladder.map(file -> ", with " + file).orElse(""));
            lines.add("use it with " + use());
        } else {
            lines.add("the budget (" + budget.text() + ") is not kept on held-out text: nothing is written; give more text, or ask for a "
                    + "little less than you need");
        }
        return String.join("\n", lines);
    }

    /** Of the policy's file: what it is for, what it was chosen by, and how to use it. The same calibration gives the same lines. */
    List<String> comment() {
        List<String> lines = new ArrayList<>();
        lines.add("Made by 'chunkwise calibrate' for adapter " + EvaluationReport.text(made, "adapter") + " on model "
                + EvaluationReport.text(made, "model") + ".");
        lines.add("Budget: " + budget.text() + ".");
        lines.add("Chosen: " + chosen() + ",");
        lines.add("because " + found.reason() + ".");
        lines.add("Use it with " + use() + ".");
        lines.add("");
        results().forEach(lines::add);
        lines.add("");
        lines.add("What was tried, on " + found.chosen().rows().size() + " windows of " + window + " tokens of " + text + " (" + textTokens
                + " tokens); increases are of perplexity over that");
        lines.add("of the whole adapter with a full KV cache, ± one standard error; * is chosen:");
        table().lines(COMMENT_WIDTH).forEach(lines::add);
        return lines;
    }

    private String chosen() {
        return found.chosen().candidate().name() + ", KV policy " + found.chosen().candidate().kvName();
    }

    private String use() {
        return "--policy " + target.getFileName() + ladder.map(file -> " --ladder " + file.getFileName()).orElse("")
                + (found.chosen().candidate().kv() instanceof KvPolicy.Full ? ""
                : " --kv-policy " + found.chosen().candidate().kv().word());
    }

    private List<String> results() {
        Trial predicted = found.chosen();
        Trial measured = checked.chosen();
        return List.of("predicted: " + increase(predicted) + " perplexity, " + components(predicted) + " components",
                "measured on held-out text (" + heldOutText + ", " + measured.figures().scored() + " tokens): " + increase(measured)
                        + " perplexity (" + perplexity(measured) + ", in full " + perplexity(checked.full()) + "),",
                components(measured) + " components of " + components(checked.full()) + ", KV cache "
                        + Quantities.bytes(measured.figures().kvBytes()) + " of " + Quantities.bytes(checked.full().figures().kvBytes()));
    }

    private Table table() {
        Table table = new Table("", "candidate", "KV policy", ">components", ">KV cache", ">increase");
        for (Trial trial : found.trials()) {
            table.row(trial == found.chosen() ? "*" : "", trial.candidate().name(), trial.candidate().kvName(), components(trial),
                    Quantities.bytes(trial.figures().kvBytes()), increase(trial));
        }
        return table;
    }

    private static String perplexity(Trial trial) {
        return String.format(Locale.ROOT, "%.4f", trial.figures().perplexity());
    }

    private static String components(Trial trial) {
        return String.format(Locale.ROOT, "%.2f", trial.figures().meanComponents());
    }

    private static String increase(Trial trial) {
        return String.format(Locale.ROOT, "%+.3f%% ± %.3f%%", 100 * trial.increase(), 100 * trial.standardError());
    }
}
