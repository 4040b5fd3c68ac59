package io.chunkwise.tornado.graph;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.forward.ExecutorException;
import java.io.IOException;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Sums up TornadoVM's profiler logs. A log is one JSON object per execution of a task graph, one behind the other: the graph's name, and
 * in it, among figures of the graph, an object for each task by its full name, all figures as strings.
 */
public final class KernelTimes {
    private static final String KERNEL_TIME = "TASK_KERNEL_TIME"; // nanoseconds on the device
    // An execution without tasks, which brings something to the host, ends with a comma.
    private static final ObjectMapper JSON = JsonMapper.builder().enable(JsonReadFeature.ALLOW_TRAILING_COMMA).build();

    private final Map<String, KernelTime> byName = new LinkedHashMap<>();

    /**
     * Adds a log but for its first execution, which compiles.
     *
     * @throws ExecutorException if it is not what this version of TornadoVM is known to write
     */
    void add(String log) {
        try (MappingIterator<JsonNode> executions = JSON.readerFor(JsonNode.class).readValues(log)) {
            for (int execution = 0; executions.hasNextValue(); execution++) {
                JsonNode graphs = executions.nextValue();
                if (execution > 0) {
                    graphs.forEach(graph -> graph.properties().forEach(field -> add(field.getKey(), field.getValue())));
                }
            }
        } catch (IOException e) {
            throw new ExecutorException("TornadoVM's profiler log can't be read (" + e.getMessage().lines().findFirst().orElse("")
                    + "): measure without profiling", e);
        }
    }

    private void add(KernelTime more) {
        byName.merge(more.name(), more, (one, other) ->
                new KernelTime(one.name(), one.launches() + other.launches(), one.nanos() + other.nanos()));
    }

    /** Those of one and of the other together, the longest first. */
    public static List<KernelTime> sum(List<KernelTime> some, List<KernelTime> more) {
        KernelTimes times = new KernelTimes();
        some.forEach(times::add);
        more.forEach(times::add);
        return times.all();
    }

    /** The longest first. */
    List<KernelTime> all() {
        return byName.values().stream().sorted(Comparator.comparingLong(KernelTime::nanos).reversed()).toList();
    }

    // Figures of the graph itself are no objects.
    private void add(String name, JsonNode task) {
        if (task.has(KERNEL_TIME)) {
            add(new KernelTime(name, 1, task.get(KERNEL_TIME).asLong()));
        }
    }
}
