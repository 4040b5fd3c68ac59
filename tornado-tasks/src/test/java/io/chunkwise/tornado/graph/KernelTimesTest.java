package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.forward.ExecutorException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Logs as TornadoVM 5.2 writes them: one object behind the other, the first of which is of compiling. */
class KernelTimesTest {
    private static final String BRING_TO_HOST = """
            {
                "layer": {
                    "COPY_OUT_TIME_SYNC": "7",
                }
            }
            """;

    private static String execution(int project, int attend) {
        return """
                {
                    "layer": {
                        "TOTAL_KERNEL_TIME": "99",
                        "layer.project": {
                            "METHOD": "ProjectionKernels.projectRows",
                            "TASK_KERNEL_TIME": "%d"
                        },
                        "layer.attend": {
                            "TASK_KERNEL_TIME": "%d",
                            "TASK_COPY_IN_SIZE_BYTES": "24"
                        }
                    }
                }
                """.formatted(project, attend);
    }

    @Test
    void executionsAreSummedUpByTaskTheLongestFirst() {
        KernelTimes times = new KernelTimes();
        times.add(execution(1_000_000, 1_000_000) + execution(5, 30) + BRING_TO_HOST + execution(6, 40));
        assertEquals(List.of(new KernelTime("layer.attend", 2, 70), new KernelTime("layer.project", 2, 11)), times.all());
    }

    @Test
    void whatHasOnlyCompiledHasNoTimes() {
        KernelTimes times = new KernelTimes();
        times.add("");
        times.add(execution(1, 2));
        assertEquals(List.of(), times.all());
    }

    @Test
    void timesOfEarlierTaskGraphsAreAdded() {
        List<KernelTime> some = List.of(new KernelTime("a", 1, 10), new KernelTime("b", 2, 5));
        assertEquals(List.of(new KernelTime("b", 3, 25), new KernelTime("a", 1, 10)),
                KernelTimes.sum(some, List.of(new KernelTime("b", 1, 20))));
    }

    @Test
    void anotherLogIsRefusedInOneLine() {
        String message = assertThrows(ExecutorException.class, () -> new KernelTimes().add("{ not a log")).getMessage();
        assertTrue(message.contains("without profiling") && message.lines().count() == 1, message);
    }
}
