package io.chunkwise.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskKilled;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;

/** Knows which tasks run, so that they can be killed. Spark makes it by its name: what it knows is static. */
public final class RunningTasks extends SparkListener {
    private static final Set<Long> RUNNING = ConcurrentHashMap.newKeySet();
    static final AtomicInteger KILLED = new AtomicInteger();

    /** For Spark. */
    public RunningTasks() {
        RUNNING.clear();
        KILLED.set(0);
    }

    @Override
    public void onTaskStart(SparkListenerTaskStart start) {
        RUNNING.add(start.taskInfo().taskId());
    }

    @Override
    public void onTaskEnd(SparkListenerTaskEnd end) {
        RUNNING.remove(end.taskInfo().taskId());
        if (end.reason() instanceof TaskKilled) {
            KILLED.incrementAndGet();
        }
    }

    /** Has Spark kill a task that runs, if there is one. */
    static void killOne(Random random) {
        List<Long> running = new ArrayList<>(RUNNING);
        if (!running.isEmpty()) {
            SparkContext.getOrCreate().killTaskAttempt(running.get(random.nextInt(running.size())), true,
                    "a test wants to see what comes of it");
        }
    }
}
