package io.chunkwise.runner.terminal;

import io.chunkwise.model.Progress;
import java.io.PrintStream;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Shows work that takes long as a bar on standard error, one at a time; short work passes unseen. A finished bar is wiped
 * away.
 */
public final class ProgressBars implements Progress, AutoCloseable {
    private static final int PATIENCE_MILLIS = 300;
    private static final int REFRESH_MILLIS = 100;

    private final PrintStream err;
    private final int width;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("progress").factory());
    private String stage = "";
    private long done;
    private long total;
    private ProgressBar bar; // null: not shown (yet)
    private ScheduledFuture<?> showing; // null: no work going on

    public ProgressBars(Terminal terminal) {
        err = terminal.err();
        width = terminal.columns().getAsInt();
    }

    @Override
    public synchronized void report(String stageNow, long doneNow, long totalNow) {
        if (!stageNow.equals(stage)) {
            end();
            stage = stageNow;
        }
        done = doneNow;
        total = totalNow;
        if (done >= total) {
            end();
        } else if (showing == null) {
            showing = timer.schedule(this::show, PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
        } else if (bar != null) {
            bar.maxHint(total);
            bar.stepTo(done);
        }
    }

    private synchronized void show() {
        if (showing != null && bar == null) {
            bar = new ProgressBarBuilder().setTaskName(stage).setInitialMax(total).startsFrom(done, java.time.Duration.ZERO)
                    .setStyle(ProgressBarStyle.UNICODE_BLOCK).setUpdateIntervalMillis(REFRESH_MILLIS).clearDisplayOnFinish()
                    .setConsumer(new DelegatingProgressBarConsumer(this::draw, width - 1)).build();
        }
    }

    private void draw(String line) {
        err.print('\r' + line);
        err.flush();
    }

    /** Wipes away the bar of work that did not come to its end. */
    public synchronized void end() {
        if (showing != null) {
            showing.cancel(false);
            showing = null;
        }
        if (bar != null) {
            bar.close();
            bar = null;
            err.print("\r\033[K");
            err.flush();
        }
        stage = "";
    }

    @Override
    public void close() {
        end();
        timer.shutdownNow();
    }
}
