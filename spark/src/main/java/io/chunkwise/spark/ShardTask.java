package io.chunkwise.spark;

import io.chunkwise.evaluate.Shard;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Evaluates the shards of a partition on the device that Spark gave the task. Attempts of one shard come after one another, whatever Spark
 * starts: the file of its results has a lock.
 *
 * @param count   of all shards; a partition has indices of some
 * @param backend of GPUs, as {@code chunkwise devices} lists them
 */
record ShardTask(List<String> args, String directory, int count, String backend)
        implements FlatMapFunction<Iterator<Integer>, ShardOutcome> {
    private static final Logger LOG = LoggerFactory.getLogger(ShardTask.class);
    private static final long PAUSE_MILLIS = 1000;

    ShardTask {
        args = List.copyOf(args);
    }

    @Override
    public Iterator<ShardOutcome> call(Iterator<Integer> indices) throws Exception {
        TaskContext task = TaskContext.get();
        Optional<String> device = Devices.ofTask(task, backend);
        List<String> local = new ArrayList<>(args);
        device.ifPresent(selector -> local.addAll(List.of("--device", selector)));
        ShardFiles files = new ShardFiles(Path.of(directory));
        List<ShardOutcome> outcomes = new ArrayList<>();
        while (indices.hasNext()) {
            Shard shard = new Shard(indices.next(), count);
            Path file = files.file(shard);
            LOG.info("shard {} into {}{}", shard, file, device.map(selector -> " on " + selector).orElse(""));
            outcomes.add(ShardOutcome.of(shard, LoadedCommands.run(local, shard, file, () -> pause(task, file))));
        }
        return outcomes.iterator();
    }

    private static void pause(TaskContext task, Path file) {
        LOG.warn("another attempt writes {}; waiting for its end", file);
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TaskEndedException(e);
        }
        if (task.isInterrupted()) {
            throw new TaskEndedException(null);
        }
    }

    /** Spark wants the task no more. */
    private static final class TaskEndedException extends RuntimeException {
        TaskEndedException(Throwable cause) {
            super("the task was ended while it waited", cause);
        }
    }
}
