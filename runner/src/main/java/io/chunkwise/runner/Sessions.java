package io.chunkwise.runner;

import io.chunkwise.model.Progress;
import io.chunkwise.runner.terminal.Terminal;

/** Where a command that goes through items has its session from: one of its own, or one that others go on with. */
@FunctionalInterface
interface Sessions {
    /** A new one each time. */
    Sessions FRESH = (options, terminal, progress) -> Session.open(options, false, terminal, progress);

    /** A session without traces, as {@link Session#open} gives it; the command closes it. */
    Session open(Session.Options options, Terminal terminal, Progress progress);
}
