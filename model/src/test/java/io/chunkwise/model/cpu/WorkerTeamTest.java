package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class WorkerTeamTest {

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1", "1, 100, 7, 7", "2, 1, 1, 1", "2, 33, 4, 4", "2, 33, 8, 4", "3, 100, 1, 1", "3, 1000, 64, 1", "5, 2, 1, 1",
        "5, 1000, 16, 16", "5, 1000, 160, 16", "2, 0, 1, 1"})
    void everyItemIsDoneOnceAndBeforeShareReturns(int size, int items, int chunk, int smallest) {
        try (WorkerTeam team = new WorkerTeam(size)) {
            for (int round = 0; round < 300; round++) {
                AtomicIntegerArray done = new AtomicIntegerArray(items);
                team.share(items, chunk, smallest, (worker, from, to) -> {
                    assertTrue(worker >= 0 && worker < size, "worker " + worker);
                    for (int item = from; item < to; item++) {
                        done.incrementAndGet(item);
                    }
                });
                int[] expected = new int[items];
                Arrays.fill(expected, 1);
                int[] actual = new int[items];
                Arrays.setAll(actual, done::get);
                assertArrayEquals(expected, actual, "round " + round);
            }
        }
    }

    @Test
    void chunksBecomeSmallerTowardsTheEnd() {
        try (WorkerTeam team = new WorkerTeam(2)) {
            List<Integer> sizes = Collections.synchronizedList(new ArrayList<>());
            team.share(1002, 160, 16, (_, from, to) -> sizes.add(to - from));
            List<Integer> sorted = sizes.stream().sorted(Comparator.reverseOrder()).toList();
            // A quarter of what is left, at most 160, at least 16, in sixteens; whatever is left at last.
            assertEquals(List.of(160, 160, 160, 128, 96, 64, 48, 32, 32, 16, 16, 16, 16, 16, 16, 16, 10), sorted);
        }
    }

    @Test
    void whatAWorkerThrowsReachesTheCallerAndTheTeamGoesOn() {
        try (WorkerTeam team = new WorkerTeam(3)) {
            IllegalStateException problem = new IllegalStateException("item 77");
            assertSame(problem, assertThrows(IllegalStateException.class, () -> team.share(100, 1, (_, from, _) -> {
                if (from == 77) {
                    throw problem;
                }
            })));
            AtomicInteger done = new AtomicInteger();
            team.share(100, 1, (_, from, to) -> done.addAndGet(to - from));
            assertEquals(100, done.get());
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 7, 1", "2, 1, 1", "2, 7, 1", "2, 50, 8", "5, 7, 1", "5, 3, 16"})
    void workersMayWaitForEarlierItems(int size, int early, int chunk) {
        try (WorkerTeam team = new WorkerTeam(size)) {
            for (int round = 0; round < 300; round++) {
                AtomicInteger missing = new AtomicInteger(early);
                AtomicInteger tooSoon = new AtomicInteger();
                team.share(early + 40, chunk, (_, from, to) -> {
                    for (int item = from; item < to; item++) {
                        if (item < early) {
                            missing.decrementAndGet();
                        } else {
                            WorkerTeam.await(() -> missing.get() == 0);
                            tooSoon.addAndGet(missing.get());
                        }
                    }
                });
                assertEquals(0, tooSoon.get(), "round " + round);
                assertEquals(0, missing.get(), "round " + round);
            }
        }
    }

    @Test
    void workersThatFellAsleepComeBack() throws InterruptedException {
        try (WorkerTeam team = new WorkerTeam(2)) {
            for (int round = 0; round < 5; round++) {
                Thread.sleep(50); // much longer than a worker spins
                AtomicInteger arrived = new AtomicInteger();
                // Either worker's item ends only when the other worker has begun one.
                team.share(2, 1, (_, _, _) -> {
                    arrived.incrementAndGet();
                    while (arrived.get() < 2) {
                        Thread.onSpinWait();
                    }
                });
            }
        }
    }

    @Test
    void closingEndsTheThreads() throws InterruptedException {
        WorkerTeam team = new WorkerTeam(4);
        Thread[] workers = new Thread[4];
        AtomicInteger arrived = new AtomicInteger();
        team.share(4, 1, (worker, _, _) -> {
            workers[worker] = Thread.currentThread();
            arrived.incrementAndGet();
            while (arrived.get() < 4) {
                Thread.onSpinWait();
            }
        });
        team.close();
        for (int worker = 1; worker < 4; worker++) {
            workers[worker].join(10_000);
            assertFalse(workers[worker].isAlive(), "worker " + worker);
            assertTrue(workers[worker].isDaemon(), "worker " + worker);
        }
    }
}
