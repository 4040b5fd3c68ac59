package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.TokenBatch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Steps that are large enough to be handed out in pieces: three bases, of which the first and the last have updates, and an update that
 * has no base, against sums in double precision; by one worker and by several, many times, as workers come in other orders each time.
 */
class ProjectionStepTest {
    private static final int INPUTS = 1056;
    private static final int[] OUTPUTS = {1111, 96, 544}; // of the bases
    private static final int LEFT_OUTPUTS = 352; // of the update without a base
    private static final int GROUPS = 2;
    private static final int LARGEST_ROWS = 5;

    @ParameterizedTest
    @CsvSource({"F32, F32, false", "F16, F16, false", "Q8_0, Q8_0, false", "Q4_0, Q8_0, false", "Q8_0, Q8_0, true", "Q4_0, Q8_0, true",
        "Q4_0, Q4_0, true", "F16, Q8_0, true"})
    void everyOutputHasItsUpdateOnceWhoeverComesFirst(TensorType type, TensorType components, boolean integers) {
        assumeTrue(!integers || IntegerProjection.isSupported(), "vectors of 256 bits");
        try (Arena memory = Arena.ofShared()) {
            Subject subject = new Subject(type, components, integers, memory);
            for (int rows : new int[] {1, 3, 4, LARGEST_ROWS}) {
                List<float[]> alone;
                try (WorkerTeam team = new WorkerTeam(1)) {
                    alone = subject.run(team, rows);
                }
                subject.check(alone, rows);
                for (int workers : new int[] {2, 5}) {
                    try (WorkerTeam team = new WorkerTeam(workers)) {
                        for (int time = 0; time < 20; time++) {
                            List<float[]> outs = subject.run(team, rows);
                            for (int i = 0; i < outs.size(); i++) {
                                assertArrayEquals(alone.get(i), outs.get(i), rows + " rows, " + workers + " workers, output " + i);
                            }
                        }
                    }
                }
            }
        }
    }

    private static final class Subject {
        private final Random random = new Random(7);
        private final List<TensorView> weights = new ArrayList<>();
        private final List<PackedWeights> packed = new ArrayList<>();
        private final List<LowRankPair> pairs;
        private final List<AttachedPair> attached;
        private final float[] in = floats(LARGEST_ROWS * INPUTS);
        private final float[] before = floats(LARGEST_ROWS * OUTPUTS[2]);
        private final float[] beforeLeft = floats(LARGEST_ROWS * LEFT_OUTPUTS);
        private final float[] gains = {1, 0.5f, 0, 0, 1, 0, 0, -2, 0.25f, 1}; // [rows, GROUPS]: one row without an active group

        Subject(TensorType type, TensorType components, boolean integers, Arena memory) {
            for (int outputs : OUTPUTS) {
                MemorySegment data = memory.allocate(type.bytesFor((long) outputs * INPUTS), 64);
                BlockCodec.encode(type, floats(outputs * INPUTS), 0, outputs * INPUTS, data, 0);
                weights.add(new TensorView("weight", type, List.of((long) outputs, (long) INPUTS), data));
                if (integers && type.isQuantized()) {
                    PackedWeights weight = PackedWeights.allocate(type, outputs, INPUTS, memory);
                    weight.pack(data, INPUTS, 0, outputs);
                    packed.add(weight);
                } else {
                    packed.add(null);
                }
            }
            // The first base's width is no multiple of a block's, so that its components stay floats.
            pairs = List.of(pair(40, OUTPUTS[0]), pair(64, OUTPUTS[2]), pair(5, LEFT_OUTPUTS));
            attached = pairs.stream().map(pair -> AttachedPair.of(pair, components, memory, integers)).toList();
        }

        /** Outputs of the bases, then that of the update without one. */
        List<float[]> run(WorkerTeam team, int rows) {
            List<float[]> outs = new ArrayList<>();
            List<ProjectionStep.Base> bases = new ArrayList<>();
            for (int i = 0; i < OUTPUTS.length; i++) {
                boolean accumulate = i == 2;
                float[] out = new float[rows * OUTPUTS[i]];
                Arrays.fill(out, Float.NaN);
                outs.add(accumulate ? Arrays.copyOf(before, out.length) : out);
                bases.add(new ProjectionStep.Base(weights.get(i), packed.get(i), outs.get(i), accumulate));
            }
            outs.add(Arrays.copyOf(beforeLeft, rows * LEFT_OUTPUTS));
            List<ProjectionStep.Update> updates = new ArrayList<>();
            int[] outOf = {0, 2, 3};
            for (int i = 0; i < outOf.length; i++) {
                float[] hidden = new float[rows * pairs.get(i).rank()];
                Arrays.fill(hidden, Float.NaN);
                updates.add(new ProjectionStep.Update(attached.get(i), outs.get(outOf[i]), hidden));
            }
            TokenBatch batch = new TokenBatch(new int[rows], 0, GROUPS, Arrays.copyOf(gains, rows * GROUPS));
            new ProjectionStep(team, new Scratch(team.size()), false, true).run(in, INPUTS, rows, bases, updates, batch, 0);
            return outs;
        }

        void check(List<float[]> outs, int rows) {
            for (int i = 0; i < OUTPUTS.length; i++) {
                float[] weight = BlockCodec.decode(weights.get(i));
                for (int row = 0; row < rows; row++) {
                    Sum[] hidden = i == 1 ? new Sum[0] : hidden(pairs.get(i / 2), row);
                    for (int o = 0; o < OUTPUTS[i]; o++) {
                        Sum sum = new Sum();
                        sum.add(i == 2 ? before[row * OUTPUTS[i] + o] : 0);
                        for (int input = 0; input < INPUTS; input++) {
                            sum.add((double) weight[o * INPUTS + input] * in[row * INPUTS + input]);
                        }
                        addUp(sum, i == 1 ? null : pairs.get(i / 2), hidden, o);
                        sum.check(outs.get(i)[row * OUTPUTS[i] + o], "base " + i + ", row " + row + " of " + rows + ", output " + o);
                    }
                }
            }
            for (int row = 0; row < rows; row++) {
                Sum[] hidden = hidden(pairs.get(2), row);
                for (int o = 0; o < LEFT_OUTPUTS; o++) {
                    Sum sum = new Sum();
                    sum.add(beforeLeft[row * LEFT_OUTPUTS + o]);
                    addUp(sum, pairs.get(2), hidden, o);
                    sum.check(outs.get(3)[row * LEFT_OUTPUTS + o], "no base, row " + row + " of " + rows + ", output " + o);
                }
            }
        }

        /** Six standard deviations and more of what rounding changes; activations that are integers are rounded as Q8_0 is. */
        private double tolerance() {
            return switch (attached.getLast().type()) {
                case F32 -> 1e-5;
                case F16, BF16 -> 2e-3;
                case Q8_0 -> 8e-2;
                case Q4_0 -> 0.9;
            };
        }

        private Sum[] hidden(LowRankPair pair, int row) {
            Sum[] hidden = new Sum[pair.rank()];
            for (int k = 0; k < hidden.length; k++) {
                hidden[k] = new Sum();
                double gain = gains[row * GROUPS + (k < pair.groupEnd()[0] ? 0 : 1)];
                for (int i = 0; i < INPUTS; i++) {
                    hidden[k].add(gain * pair.down()[k * INPUTS + i] * in[row * INPUTS + i]);
                }
            }
            return hidden;
        }

        private static void addUp(Sum sum, LowRankPair pair, Sum[] hidden, int o) {
            for (int k = 0; k < hidden.length; k++) {
                sum.add(hidden[k], pair.up()[o * pair.rank() + k]);
            }
        }

        private LowRankPair pair(int rank, int outputs) {
            return new LowRankPair(rank, INPUTS, outputs, floats(rank * INPUTS), floats(rank * outputs), new int[] {rank / 2, rank});
        }

        private float[] floats(int count) {
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = (float) random.nextGaussian();
            }
            return values;
        }

        /** A sum in double precision that knows the length of the vector of its terms, which roundings of factors are relative to. */
        private final class Sum {
            private double value;
            private double squares;

            void add(double term) {
                value += term;
                squares += term * term;
            }

            void add(Sum sum, double factor) {
                add(sum.value * factor);
                squares += sum.squares * factor * factor;
            }

            void check(float actual, String where) {
                assertEquals(value, actual, tolerance() * Math.sqrt(squares), where);
            }
        }
    }
}
