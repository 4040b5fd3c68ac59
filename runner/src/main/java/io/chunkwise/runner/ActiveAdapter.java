package io.chunkwise.runner;

import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.LadderFile;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.runner.options.AdapterOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.options.RankLimit;
import io.chunkwise.runner.terminal.Terminal;
import io.chunkwise.selection.RungSelector;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The adapter as {@code --rank} wants it: one rung for all tokens.
 *
 * @param policy   one rung for all tokens
 * @param selector the adapter, cut into that rung
 * @param rank     components in use at the site that has most
 */
record ActiveAdapter(ChunkPolicy policy, RungSelector selector, int rank) {

    static ActiveAdapter none() {
        ChunkPolicy policy = ChunkPolicy.uniformMax();
        return new ActiveAdapter(policy, RungSelector.base(policy), 0);
    }

    /** @throws picocli.CommandLine.ParameterException if the rank is larger than the adapter's */
    static ActiveAdapter of(
            Adapter plain, LlamaConfig config, AdapterOptions options, OutputOptions output, Terminal terminal, Progress progress) {
        int trained = plain.maxRank();
        return switch (options.rank()) {
            case RankLimit.Max() -> plain(ChunkPolicy.uniformMax(), plain, trained);
            case RankLimit.Exactly(int rank) when rank > trained -> throw options.problem(
                    "--rank " + rank + ": the adapter has rank " + trained + "; use a number up to it, or max");
            case RankLimit.Exactly(int rank) when rank == trained || rank == 0 -> plain(ChunkPolicy.uniform(rank), plain, rank);
            case RankLimit.Exactly(int rank) -> {
                ChunkPolicy policy = ChunkPolicy.uniform(rank);
                yield new ActiveAdapter(policy, RungSelector.of(policy, ladder(plain, config, options, output, terminal, progress)), rank);
            }
        };
    }

    private static ActiveAdapter plain(ChunkPolicy policy, Adapter adapter, int rank) {
        return new ActiveAdapter(policy, RungSelector.plain(policy, adapter), rank);
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
