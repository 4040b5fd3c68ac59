package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.graph.Launch.Work;
import io.chunkwise.tornado.kernels.MeasureKernels;
import io.chunkwise.tornado.kernels.Page;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every task that reads or writes pages, on the device, at awkward sizes, against plain loops in double precision. */
@Tag("tornado")
class PageTasksTest {
    private static final int LAYER = 1;
    private static final int[] LENGTHS = {1, 2, 15, 16, 17, 33, 64, 65, 100};

    static Stream<PageFixture> fixtures() {
        List<PageFixture> fixtures = new ArrayList<>();
        // So many heads that one of many rows has one split or two, of several tiles.
        fixtures.add(new PageFixture(8, 3, 16, 0, RotaryPairing.HALVES, KvType.F32));
        fixtures.add(new PageFixture(80, 4, 6, 70, RotaryPairing.HALVES, KvType.F16));
        fixtures.add(new PageFixture(128, 1, 4, 0, RotaryPairing.HALVES, KvType.F16));
        fixtures.add(new PageFixture(128, 2, 1, 0, RotaryPairing.HALVES, KvType.F32));
        for (int headDim : new int[] {8, 12, 20, 32, 64}) {
            fixtures.add(new PageFixture(headDim, 1, 3, 0, RotaryPairing.HALVES, headDim == 20 ? KvType.F16 : KvType.F32));
            fixtures.add(new PageFixture(headDim, 3, 2, headDim == 12 ? 20 : 0, RotaryPairing.NEIGHBOURS,
                    headDim == 20 ? KvType.F32 : KvType.F16));
        }
        return fixtures.stream();
    }

    /** Every head dimension once, and both numbers of heads. */
    static Stream<PageFixture> someFixtures() {
        return Stream.of(new PageFixture(8, 3, 2, 0, RotaryPairing.HALVES, KvType.F32),
                new PageFixture(12, 1, 3, 20, RotaryPairing.NEIGHBOURS, KvType.F16),
                new PageFixture(20, 3, 1, 0, RotaryPairing.NEIGHBOURS, KvType.F32),
                new PageFixture(64, 1, 2, 0, RotaryPairing.HALVES, KvType.F16));
    }

    @ParameterizedTest
    @MethodSource("fixtures")
    void attentionReadsEveryPageInItsFormat(PageFixture f) {
        for (KernelForm form : KernelForm.values()) {
            f.fillPools();
            on(f, form, (tasks, sink) -> tasks.attend(sink, f.query(), f.attended()), () -> List.of(
                    f.attended(), f.state.buffers().softmax()), run -> {
                for (int length : LENGTHS) {
                    for (int rows : new int[] {1, 3, 20}) {
                        int some = Math.min(rows, PageFixture.PAGES * Page.TOKENS - length + 1);
                        f.control().probes(LAYER, length - 1, some);
                        run.execute(new Work(some, 1));
                        for (int row = 0; row < some; row++) {
                            f.checkAttention(LAYER, length - 1 + row, row, form + " after " + length + " positions, " + some + " rows");
                        }
                    }
                }
            });
        }
    }

    @ParameterizedTest
    @MethodSource("someFixtures")
    void nothingIsAttendedToWhereEveryPageIsEvicted(PageFixture f) {
        for (KernelForm form : KernelForm.values()) {
            f.fillPools();
            for (int page = 0; page < PageFixture.PAGES; page++) {
                f.write(LAYER, page, KvFormat.EVICTED, -1);
            }
            on(f, form, (tasks, sink) -> tasks.attend(sink, f.query(), f.attended()), () -> List.of(
                    f.attended(), f.state.buffers().softmax()), run -> {
                f.control().probes(LAYER, 40, 2);
                run.execute(new Work(2, 1));
                f.checkAttention(LAYER, 40, 0, form + ", all evicted");
                f.checkAttention(LAYER, 41, 1, form + ", all evicted");
            });
        }
    }

    @ParameterizedTest
    @MethodSource("someFixtures")
    void rowsAreAppendedWhereTheTableSays(PageFixture f) {
        f.fillPools();
        f.fillWithAllSizes(f.key());
        f.fillWithAllSizes(f.value());
        f.write(LAYER, 0, KvFormat.FULL, 5);
        f.write(LAYER, 1, KvFormat.FULL, 2);
        f.write(LAYER, 2, KvFormat.FULL, 7);
        f.control().noJobs();
        for (int page = 0; page < 3; page++) {
            int at = LAYER * PageFixture.PAGES + page;
            f.control().job(-1, at, f.state.pools().table().get(at), -1);
            f.state.pools().table().set(at, Page.entry(0, Page.Q8));
        }
        f.control().probes(LAYER, 13, 20);
        on(f, KernelForm.THREADED, (tasks, sink) -> {
            tasks.updateTable(sink);
            tasks.append(sink, f.query(), f.key(), f.value());
        }, () -> List.of(f.state.pools().keys(), f.state.pools().values(), f.state.pools().halves(), f.state.pools().probes()),
                run -> run.execute(new Work(20, 1)));
        f.checkAppended(LAYER, 13, 20, new int[] {5, 2, 7});
    }

    @ParameterizedTest
    @MethodSource("someFixtures")
    void quantsAreTheNearest(PageFixture f) {
        f.fillPools();
        f.control().noJobs();
        f.control().job(f.full(3), -1, 6, Page.Q8);
        f.control().job(f.full(1), -1, 2, Page.Q4);
        f.control().job(f.full(4), -1, 0, Page.Q8);
        f.control().job(f.full(3), -1, 5, Page.Q4);
        on(f, KernelForm.THREADED, PageTasks::quantize, () -> List.of(f.state.pools().codes8(), f.state.pools().scales8(),
                f.state.pools().codes4(), f.state.pools().scales4()), run -> run.execute(new Work(4, 1)));
        f.checkQuantized(3, KvFormat.Q8, 6);
        f.checkQuantized(1, KvFormat.Q4, 2);
        f.checkQuantized(4, KvFormat.Q8, 0);
        f.checkQuantized(3, KvFormat.Q4, 5);
    }

    @ParameterizedTest
    @MethodSource("someFixtures")
    void keysTurnedBackAreThoseOfEarlierPositions(PageFixture f) {
        f.fillPools();
        int shift = 48;
        double[][] unrotated = f.randomKeys(2 * Page.TOKENS);
        for (int t = 0; t < Page.TOKENS; t++) {
            f.putKey(3, t, f.turned(unrotated[t], shift + t));
            f.putKey(6, t, f.turned(unrotated[Page.TOKENS + t], shift + 16 + t));
        }
        f.control().noJobs();
        f.control().shift(shift);
        f.control().job(f.full(3), -1, -1, -1);
        f.control().job(f.full(6), -1, -1, -1);
        float untouched = f.state.pools().keys().get(0);
        on(f, KernelForm.THREADED, PageTasks::turnKeysBack, () -> List.of(f.state.pools().keys(), f.state.pools().halves()),
                run -> run.execute(new Work(2, 1)));
        for (int t = 0; t < Page.TOKENS; t++) {
            f.checkKey(3, t, f.turned(unrotated[t], t));
            f.checkKey(6, t, f.turned(unrotated[Page.TOKENS + t], 16 + t));
        }
        assertEquals(untouched, f.state.pools().keys().get(0), "a key of another slot");
    }

    @ParameterizedTest
    @MethodSource("someFixtures")
    void measurementsAreWhatChangedPagesWouldGive(PageFixture f) {
        for (KernelForm form : KernelForm.values()) {
            f.fillPools();
            List<Integer> full = new ArrayList<>();
            for (int page = 0; page < 6; page++) {
                if (f.format(LAYER, page) == KvFormat.FULL) {
                    full.add(page);
                }
            }
            assertTrue(full.size() >= 2, "full pages");
            on(f, form, PageTasks::measure, () -> List.of(f.state.buffers().measurement().result()), run -> {
                for (int probes : new int[] {1, 5, 16}) {
                    f.control().noJobs();
                    f.control().probes(LAYER, 90 - probes, probes);
                    full.forEach(page -> f.control().job(f.full(f.slot(LAYER, page)), page, -1, -1));
                    run.execute(new Work(full.size(), 1));
                    for (int job = 0; job < full.size(); job++) {
                        for (int i = 0; i < MeasureKernels.RESULT; i++) {
                            f.checkMeasured(LAYER, full.get(job), 90 - probes, probes, job, i, form + ", " + probes + " probes");
                        }
                    }
                }
            });
        }
    }

    private interface Outputs {
        List<Object> arrays();
    }

    private static void on(PageFixture f, KernelForm form, BiConsumer<PageTasks, TaskSink> tasks, Outputs out,
            Consumer<DeviceRun> body) {
        List<Object> in = new ArrayList<>(f.arrays());
        try (DeviceRun run = new DeviceRun(TestDevice.best(), in, out.arrays(), new Work(f.state.rowCapacity(), 1),
                sink -> tasks.accept(f.tasks(form), sink))) {
            body.accept(run);
        }
    }
}
