package io.chunkwise.policy;

/** A condition that a policy has to meet. */
final class Check {
    private Check() {
    }

    static void that(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException(problem);
        }
    }
}
