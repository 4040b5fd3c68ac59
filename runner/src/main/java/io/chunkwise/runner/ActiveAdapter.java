package io.chunkwise.runner;

import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.LadderFile;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.Rung;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.runner.options.AdapterOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.options.RankLimit;
import io.chunkwise.runner.terminal.Terminal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The adapter as {@code --rank} wants it, and the gains that make it so: one rung for all tokens.
 *
 * @param groupGain [groups] of the adapter
 * @param rank      components in use at the site that has most
 */
record ActiveAdapter(Optional<Adapter> adapter, float[] groupGain, int rank) {

    static ActiveAdapter none() {
        return new ActiveAdapter(Optional.empty(), new float[0], 0);
    }

    /** @throws picocli.CommandLine.ParameterException if the rank is larger than the adapter's */
    static ActiveAdapter of(
            Adapter plain, LlamaConfig config, AdapterOptions options, OutputOptions output, Terminal terminal, Progress progress) {
        int trained = plain.maxRank();
        return switch (options.rank()) {
            case RankLimit.Max() -> new ActiveAdapter(Optional.of(plain), new float[] {1}, trained);
            case RankLimit.Exactly(int rank) when rank > trained -> throw options.problem(
                    "--rank " + rank + ": the adapter has rank " + trained + "; use a number up to it, or max");
            case RankLimit.Exactly(int rank) when rank == trained -> new ActiveAdapter(Optional.of(plain), new float[] {1}, trained);
            case RankLimit.Exactly(int rank) when rank == 0 -> new ActiveAdapter(Optional.of(plain), new float[] {0}, 0);
            case RankLimit.Exactly(int rank) -> {
                Adapter sliced = ladder(plain, config, options, output, terminal, progress).at(List.of(new Rung.Uniform(rank)));
                yield new ActiveAdapter(Optional.of(sliced), RankLadder.gainsAt(sliced, 0), rank);
            }
        };
    }

    private static RankLadder ladder(
            Adapter plain, LlamaConfig config, AdapterOptions options, OutputOptions output, Terminal terminal, Progress progress) {
        Path adapter = options.adapter().orElseThrow();
        Path saved = options.ladder().orElseGet(() -> LadderFile.beside(adapter));
        if (options.ladder().isPresent() || Files.exists(saved)) {
            return LadderFile.load(saved, config, AdapterFiles.hash(adapter));
        }
        if (output.remarks()) {
            terminal.err().println("building a rank ladder in memory; 'chunkwise ladder' saves it for the next time");
            terminal.err().flush();
        }
        return LadderBuilder.build(plain, progress);
    }
}
