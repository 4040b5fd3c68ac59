package io.chunkwise.model;

/** Receives how far a long piece of work has come. Called from the thread that does the work. */
@FunctionalInterface
public interface Progress {
    Progress NONE = (stage, done, total) -> {
    };

    /**
     * @param stage what is being done, a short noun phrase ("checking weights"); constant over one piece of work
     * @param done  units finished so far
     * @param total units in all; {@code done == total} ends the piece of work
     */
    void report(String stage, long done, long total);
}
