package io.chunkwise.benchmark;

import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.policy.KvPolicy;
import java.util.List;

/**
 * What to measure of one model: every combination of the lists. What is in a list twice is measured once.
 *
 * @param depths      positions that the KV cache holds before a test
 * @param kvPolicies  what becomes of these positions
 * @param kvTypes     number formats of full pages
 * @param threads     of the executor; 0: as many as there are cores
 * @param repetitions of everything, in turns; warming up comes on top
 * @param batch       the most tokens of a prompt that are read in one pass
 * @param profiled    whether a second run takes the time of every kernel
 */
public record BenchPlan(List<SpeedTest> tests, List<Variant> variants, List<Integer> depths, List<KvPolicy> kvPolicies,
        List<KvType> kvTypes, List<Integer> threads, int repetitions, int batch, boolean profiled) {
    public BenchPlan {
        tests = tests.stream().distinct().toList();
        variants = variants.stream().distinct().toList();
        depths = depths.stream().distinct().sorted().toList();
        kvPolicies = kvPolicies.stream().distinct().toList();
        kvTypes = kvTypes.stream().distinct().toList();
        threads = threads.stream().distinct().toList();
        require(!tests.isEmpty(), "there is nothing to measure: neither prompt tokens nor new tokens");
        require(!variants.isEmpty() && !depths.isEmpty() && !kvPolicies.isEmpty() && !kvTypes.isEmpty() && !threads.isEmpty(),
                "there is nothing to measure");
        depths.forEach(depth -> require(depth >= 0, "context depth " + depth + " is too small; expected 0 or more"));
        threads.forEach(count -> require(count >= 0, "thread count " + count + " is too small; expected 1 or more, or 0 for one per core"));
        require(repetitions >= 1, "repetition count " + repetitions + " is too small; expected 1 or more");
        require(batch >= 1, "batch " + batch + " is too small; expected 1 or more");
        for (KvPolicy policy : kvPolicies) {
            require(!policy.endless(), "KV policy " + policy.word() + " lets positions go, so that there is no depth to measure at; "
                    + "use full, q8 or adaptive");
            for (int depth : depths) {
                boolean wholePages = depth % KvPage.TOKENS == 0;
                require(policy instanceof KvPolicy.Full || wholePages, "context depth " + depth + " ends inside a page of the KV cache; "
                        + "with KV policy " + policy.word() + " it has to be a multiple of " + KvPage.TOKENS);
            }
        }
        long most = (long) depths.getLast() + tests.stream().mapToInt(SpeedTest::tokens).max().getAsInt();
        require(most <= Integer.MAX_VALUE / 2, "a context of " + most + " tokens is too long");
    }

    /** Positions that an executor has to have room for. */
    public int contextLength() {
        return depths.getLast() + tests.stream().mapToInt(SpeedTest::tokens).max().orElseThrow();
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException(problem);
        }
    }
}
