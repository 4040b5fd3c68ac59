package io.chunkwise.calibrate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.cpu.CpuExecutorProvider;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.score.Score;
import io.chunkwise.score.Scorer;
import io.chunkwise.selection.RungSelector;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

/** What calibration is for, with a trained model and adapter: the adapter saw the first nine tenths of the text. */
class StoriesBenefitTest {
    private static final int CONTEXT = 512;
    private static final int COMPONENTS = 8;
    private static final int WINDOWS = 10;

    @Test
    void adaptiveChunksLoseLessThanTheSameNumberOfComponentsForAll() throws IOException {
        String text = Files.readString(SharedData.assumePresent("text/tinyshakespeare.txt"));
        try (LlamaModel model = ModelFiles.open(SharedData.assumePresent("stories260K"), Progress.NONE);
                ForwardExecutor executor = new CpuExecutorProvider().open(model, ExecutorOptions.withContext(CONTEXT))) {
            RankLadder ladder = LadderBuilder.build(AdapterFiles.open(SharedData.assumePresent("stories260K-lora-shakespeare"),
                    model.config(), Progress.NONE), Progress.NONE);
            int heldOut = text.length() * 9 / 10;
            int[] start = model.tokenizer().encode("", true);
            int[] sample = model.tokenizer().encode(text.substring(heldOut - 20_000, heldOut), false);
            int[] tail = model.tokenizer().encode(text.substring(heldOut, heldOut + 20_000), false);

            BenefitCalibrator calibrator = new BenefitCalibrator(executor, model.config());
            Calibration once = calibrator.calibrate(ladder, start, sample, COMPONENTS, 2, Progress.NONE);
            Calibration again = calibrator.calibrate(ladder, start, sample, COMPONENTS, 2, Progress.NONE);
            assertArrayEquals(once.benefit().table(), again.benefit().table());
            assertArrayEquals(once.benefit().history(), again.benefit().history());

            Calibration calibration = calibrator.calibrate(ladder, start, sample, COMPONENTS, WINDOWS, Progress.NONE);
            assertEquals(WINDOWS, calibration.windows());
            assertTrue(calibration.meanGain() > 0.05, "16 components are better than 4 by " + calibration.meanGain() + " nats");
            int[] windows = windows(start, tail);
            ChunkPolicy adaptive = ChunkPolicy.adaptive();
            Score uniform = score(executor, model, ChunkPolicy.uniform(COMPONENTS), ladder, windows);
            Score calibrated = score(executor, model, adaptive, ladder.withBenefit(calibration.benefit()), windows);
            assertEquals(COMPONENTS, uniform.cost().meanComponents());
            assertEquals(COMPONENTS, calibrated.cost().meanComponents(), 0.25);
            assertTrue(calibrated.nll() < uniform.nll(), "adaptive " + calibrated.nll() + " at " + calibrated.cost().meanComponents()
                    + " components, uniform " + uniform.nll() + " at " + COMPONENTS);
        }
    }

    private static Score score(ForwardExecutor executor, LlamaModel model, ChunkPolicy policy, RankLadder ladder, int[] windows) {
        ChunkScheduler scheduler = new ChunkScheduler(executor,
                new ChunkScheduler.Setup(model.config(), policy, new KvPolicy.Full(), RungSelector.of(policy, ladder)));
        return new Scorer(scheduler).score(windows, CONTEXT, 0, Progress.NONE);
    }

    private static int[] windows(int[] start, int[] text) {
        int[] windows = new int[WINDOWS * CONTEXT];
        for (int window = 0; window < WINDOWS; window++) {
            int taken = CONTEXT - start.length;
            System.arraycopy(start, 0, windows, window * CONTEXT, start.length);
            System.arraycopy(text, window * taken, windows, window * CONTEXT + start.length, taken);
        }
        return windows;
    }
}
