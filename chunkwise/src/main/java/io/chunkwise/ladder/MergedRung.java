package io.chunkwise.ladder;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.LlamaWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/**
 * A ladder's lowest rung as part of the weights: W' = W + Σ_{k in the rung} up_k down_k, rounded to W's number format. Rows at
 * that rung then take no adapter work at all; only what is above it stays an adapter. What is merged acts in every row, at
 * scale 1: it cannot be switched off, scaled or faded any more.
 */
public final class MergedRung {

    private MergedRung() {
    }

    /**
     * Copies the projections that the rung changes, one at a time; all else is shared with the base, which is left as it is.
     *
     * @param base outlives the returned model
     * @param rung what is merged, at every site
     * @return a model that the caller closes: its copies are memory of its own
     * @throws IllegalArgumentException if a projection that the rung changes is quantized, does not have the adapter's shape, or
     *                                  would not be finite
     */
    public static LlamaModel merge(LlamaModel base, RankLadder ladder, Rung rung, Progress progress) {
        ladder.at(List.of()).requireFits(base.config());
        ladder.sites().forEach((at, site) -> requireMergeable(at, base.weights().get(at.role(), at.layer()), site.components(rung)));
        Map<AdapterSite, LowRankPair> pairs = new HashMap<>();
        ladder.sites().forEach((at, site) -> pairs.put(at, site.pair()));
        return merge(base, pairs, at -> ladder.sites().get(at).components(rung), "merging the lowest rung", progress);
    }

    /**
     * Copies the projections that an adapter changes, and adds all of it, at scale 1. Quantized weights are rounded once more: a
     * baseline of benchmarks, and nothing to write text with.
     *
     * @param base outlives the returned model
     * @return a model that the caller closes: its copies are memory of its own
     * @throws IllegalArgumentException if the adapter does not fit, or a weight would not be finite
     */
    public static LlamaModel mergeWhole(LlamaModel base, Adapter adapter, Progress progress) {
        adapter.requireFits(base.config());
        return merge(base, adapter.sites(), at -> adapter.sites().get(at).rank(), "merging " + adapter.name(), progress);
    }

    private static LlamaModel merge(LlamaModel base, Map<AdapterSite, LowRankPair> pairs, ToIntFunction<AdapterSite> componentsAt,
            String stage, Progress progress) {
        Arena memory = Arena.ofShared();
        try {
            Map<AdapterSite, TensorView> merged = new HashMap<>();
            pairs.forEach((at, pair) -> {
                progress.report(stage, merged.size(), pairs.size());
                TensorView weight = base.weights().get(at.role(), at.layer());
                int components = componentsAt.applyAsInt(at);
                merged.put(at, components == 0 ? weight : merged(at, weight, pair, components, memory));
            });
            progress.report(stage, merged.size(), pairs.size());
            LlamaWeights weights = LlamaWeights.collect(base.source().toString(), base.config(), (role, layer) -> {
                TensorView weight = base.weights().get(role, layer);
                return WeightRole.ADAPTABLE.contains(role) ? merged.getOrDefault(new AdapterSite(layer, role), weight) : weight;
            });
            return new LlamaModel(base.source(), base.config(), base.tokenizer(), weights, memory);
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    /**
     * The adapter for a model into which the first of the rungs is merged: what {@link RankLadder#at} gives for them, less the
     * first one's components. Group 0 is therefore empty, and a rung's gains are those of {@link RankLadder#gainsAt}.
     *
     * @param rungs ascending, at least one
     */
    public static Adapter residual(RankLadder ladder, List<Rung> rungs) {
        Adapter whole = ladder.at(rungs);
        Map<AdapterSite, LowRankPair> sites = new HashMap<>();
        whole.sites().forEach((at, pair) -> {
            int merged = pair.groupEnd()[0];
            if (merged < pair.rank()) {
                sites.put(at, merged == 0 ? pair : above(pair, merged));
            }
        });
        return new Adapter(whole.name(), whole.groups(), sites);
    }

    private static LowRankPair above(LowRankPair pair, int first) {
        int rank = pair.rank() - first;
        float[] up = new float[pair.outputs() * rank];
        for (int o = 0; o < pair.outputs(); o++) {
            System.arraycopy(pair.up(), o * pair.rank() + first, up, o * rank, rank);
        }
        return new LowRankPair(rank, pair.inputs(), pair.outputs(),
                Arrays.copyOfRange(pair.down(), first * pair.inputs(), pair.down().length), up,
                Arrays.stream(pair.groupEnd()).map(end -> end - first).toArray());
    }

    private static void requireMergeable(AdapterSite at, TensorView weight, int components) {
        switch (weight.type()) {
            case F32, F16, BF16 -> {
            }
            case Q8_0, Q4_0 -> {
                if (components > 0) {
                    throw new IllegalArgumentException("a rung cannot be merged into '" + weight.name() + "' (layer " + at.layer() + " "
                            + at.role() + "): it is " + weight.type() + ", and rounding it again would lose more than the rung adds; "
                            + "use an F32, F16 or BF16 model");
                }
            }
        }
    }

    private static TensorView merged(AdapterSite at, TensorView weight, LowRankPair pair, int components, Arena memory) {
        MemorySegment data = memory.allocate(weight.data().byteSize(), 64);
        IntStream.range(0, pair.outputs()).parallel().forEach(row -> {
            float[] sum = new float[pair.inputs()];
            BlockCodec.decode(weight.type(), weight.data(), (long) row * pair.inputs(), sum, 0, sum.length);
            addUpdate(pair, components, row, sum);
            requireFinite(at, weight.type(), row, sum);
            BlockCodec.encode(weight.type(), sum, 0, sum.length, data, weight.type().bytesFor((long) row * pair.inputs()));
        });
        return new TensorView(weight.name(), weight.type(), weight.shape(), data.asReadOnly());
    }

    // sum[i] += Σ_{k < components} up[row, k] · down[k, i]
    private static void addUpdate(LowRankPair pair, int components, int row, float[] sum) {
        for (int k = 0; k < components; k++) {
            float up = pair.up()[row * pair.rank() + k];
            int down = k * pair.inputs();
            for (int i = 0; i < sum.length; i++) {
                sum[i] += up * pair.down()[down + i];
            }
        }
    }

    private static void requireFinite(AdapterSite at, TensorType type, int row, float[] values) {
        for (float value : values) {
            float stored = type == TensorType.F16 ? Float.float16ToFloat(Float.floatToFloat16(value)) : value;
            if (!Float.isFinite(stored)) {
                throw new IllegalArgumentException("merged, row " + row + " of layer " + at.layer() + " " + at.role()
                        + " has the value " + value + ", which " + type + " cannot hold; run the adapter without merging");
            }
        }
    }
}
