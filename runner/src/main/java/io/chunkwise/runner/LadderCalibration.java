package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.calibrate.BenefitCalibrator;
import io.chunkwise.calibrate.Calibration;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutors.Choice;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.runner.options.CalibrationOptions;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import java.io.IOException;
import java.util.Locale;

/**
 * A ladder's calibration on a text, and what is said about it.
 *
 * @param vocabSize of the model
 * @param nanos     that it took
 */
record LadderCalibration(Calibration found, String executor, int vocabSize, long nanos) {

    /** @throws picocli.CommandLine.ParameterException if the text or the adapter does not do for what is asked */
    static LadderCalibration run(LlamaModel base, RankLadder ladder, CalibrationOptions options, ExecutorOptions where, Progress progress) {
        if (options.components() > ladder.maxRank()) {
            throw options.problem("--calibrate-components " + options.components() + ": the adapter has rank " + ladder.maxRank()
                    + "; use a number up to it");
        }
        int[] start = base.tokenizer().encode("", true);
        int[] text = base.tokenizer().encode(TextSource.read(options.text()), false);
        int context = where.context().orElse(Math.min(base.config().contextLength(), start.length + BenefitCalibrator.WINDOW_TOKENS));
        Choice choice = Session.executors().choose(where.executor(), where.device());
        long begin = System.nanoTime();
        var opening = where.opening(context, Math.min(context, where.batch()), KvReservation.full(context), choice.device(), progress);
        try (ForwardExecutor executor = choice.provider().open(base, opening)) {
            Calibration found = new BenefitCalibrator(executor, base.config())
                    .calibrate(ladder, start, text, options.components(), options.windows(), progress);
            return new LadderCalibration(found, executor.name() + " on " + executor.device().selector(), base.config().vocabSize(),
                    System.nanoTime() - begin);
        }
    }

    /** Two lines for people. */
    String text() {
        return String.format(Locale.ROOT, "calibrated on %,d tokens in %s, %s, in %s: %d components instead of %d gain %.4f nats a token;%n"
                + "%,d of %,d tokens of the vocabulary (%.1f %%) occur, the others count as average",
                found.tokens(), found.windows() == 1 ? "1 window" : found.windows() + " windows", executor, Quantities.time(nanos),
                found.highComponents(), found.lowComponents(), found.meanGain(), found.tokensSeen(), vocabSize,
                100.0 * found.tokensSeen() / vocabSize);
    }

    /** {@code calibration}. */
    void writeJson(JsonGenerator json) throws IOException {
        json.writeObjectFieldStart("calibration");
        json.writeStringField("executor", executor);
        json.writeNumberField("windows", found.windows());
        json.writeNumberField("tokens", found.tokens());
        json.writeNumberField("lowComponents", found.lowComponents());
        json.writeNumberField("highComponents", found.highComponents());
        Json.number(json, "meanGain", found.meanGain(), 6);
        json.writeNumberField("tokensSeen", found.tokensSeen());
        json.writeNumberField("vocabulary", vocabSize);
        Json.number(json, "ms", nanos * 1e-6, 3);
        json.writeEndObject();
    }
}
