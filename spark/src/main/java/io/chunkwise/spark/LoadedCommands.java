package io.chunkwise.spark;

import io.chunkwise.evaluate.Shard;
import io.chunkwise.runner.ShardedCommand;
import io.chunkwise.runner.ShardedCommand.Problem;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The models of a JVM: one per device, loaded by the first task and kept for those that follow. Tasks of one device take turns.
 *
 * <p>Deviation: static and mutable, because Spark makes its tasks anew each time, and nothing else of ours lives as long as an executor.
 */
final class LoadedCommands {
    private static final Map<List<String>, Loaded> LOADED = new HashMap<>();

    private LoadedCommands() {
    }

    private record Loaded(ShardedCommand command, ReentrantLock turn) {
    }

    /**
     * @param args that name the device
     * @return see {@link ShardedCommand#run}
     */
    static Optional<Problem> run(List<String> args, Shard shard, Path file, Runnable pause) throws Exception {
        Loaded loaded;
        synchronized (LOADED) {
            loaded = LOADED.computeIfAbsent(List.copyOf(args), key -> new Loaded(new ShardedCommand(key), new ReentrantLock()));
        }
        loaded.turn().lockInterruptibly();
        try {
            return loaded.command().run(shard, file, pause);
        } finally {
            loaded.turn().unlock();
        }
    }

    /** Frees all models; waits for tasks that are at work. */
    static void closeAll() {
        synchronized (LOADED) {
            for (Loaded loaded : LOADED.values()) {
                loaded.turn().lock();
                try {
                    loaded.command().close();
                } finally {
                    loaded.turn().unlock();
                }
            }
            LOADED.clear();
        }
    }
}
