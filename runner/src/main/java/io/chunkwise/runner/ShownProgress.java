package io.chunkwise.runner;

import io.chunkwise.model.Progress;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.terminal.ProgressBars;
import io.chunkwise.runner.terminal.Terminal;
import java.util.Optional;

/** Progress bars where people want them and can see them; else nobody is told. */
record ShownProgress(Optional<ProgressBars> bars) implements Progress, AutoCloseable {

    static ShownProgress of(Terminal terminal, OutputOptions output) {
        return new ShownProgress(terminal.errIsTerminal() && !output.quiet() ? Optional.of(new ProgressBars(terminal)) : Optional.empty());
    }

    @Override
    public void report(String stage, long done, long total) {
        bars.ifPresent(shown -> shown.report(stage, done, total));
    }

    /** Wipes the bar away, for good: something is printed now. */
    void end() {
        bars.ifPresent(ProgressBars::close);
    }

    @Override
    public void close() {
        end();
    }
}
