package io.chunkwise.model.adapter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.model.llama.SyntheticLlama;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class RotaryOrderTest {

    @ParameterizedTest
    @CsvSource({"QUERY,4,2,8,3", "KEY,4,2,8,3", "QUERY,1,1,2,1", "KEY,3,1,6,5", "QUERY,5,5,10,2"})
    void neighboursAreTheReshapeAndSwapOfTheConverter(WeightRole role, int heads, int kvHeads, int headDim, int rank) {
        LlamaConfig config = SyntheticLlama.config(heads * headDim, 1, heads, kvHeads, 7, 8, 8);
        int roleHeads = role == WeightRole.QUERY ? heads : kvHeads;
        LowRankPair halves = random(rank, config.hiddenSize(), roleHeads * headDim);
        LowRankPair neighbours =
                RotaryOrder.reorder(new AdapterSite(0, role), halves, config, RotaryPairing.HALVES, RotaryPairing.NEIGHBOURS);
        // W.reshape(heads, 2, headDim / 2, rank).swapaxes(1, 2).reshape(heads * headDim, rank)
        for (int head = 0; head < roleHeads; head++) {
            for (int half = 0; half < 2; half++) {
                for (int i = 0; i < headDim / 2; i++) {
                    for (int k = 0; k < rank; k++) {
                        float before = halves.up()[((head * 2 + half) * (headDim / 2) + i) * rank + k];
                        float after = neighbours.up()[((head * (headDim / 2) + i) * 2 + half) * rank + k];
                        assertEquals(before, after, "head " + head + ", half " + half + ", element " + i + ", component " + k);
                    }
                }
            }
        }
        assertSame(halves.down(), neighbours.down());
    }

    @ParameterizedTest
    @CsvSource({"QUERY,24", "KEY,12"})
    void thereAndBackIsTheIdentity(WeightRole role, int outputs) {
        LlamaConfig config = SyntheticLlama.config(24, 1, 4, 2, 7, 8, 8);
        AdapterSite site = new AdapterSite(0, role);
        LowRankPair pair = random(3, 24, outputs);
        LowRankPair there = RotaryOrder.reorder(site, pair, config, RotaryPairing.NEIGHBOURS, RotaryPairing.HALVES);
        assertArrayEquals(pair.up(), RotaryOrder.reorder(site, there, config, RotaryPairing.HALVES, RotaryPairing.NEIGHBOURS).up());
    }

    @ParameterizedTest
    @EnumSource(value = WeightRole.class, names = {"VALUE", "ATTENTION_OUTPUT", "GATE", "UP", "DOWN"})
    void otherProjectionsHaveNoOrder(WeightRole role) {
        LlamaConfig config = SyntheticLlama.config(24, 1, 4, 2, 7, 8, 8);
        LowRankPair pair = random(3, 24, 24);
        assertSame(pair, RotaryOrder.reorder(new AdapterSite(0, role), pair, config, RotaryPairing.HALVES, RotaryPairing.NEIGHBOURS));
    }

    @Test
    void theSameOrderNeedsNoCopy() {
        LlamaConfig config = SyntheticLlama.config(24, 1, 4, 2, 7, 8, 8);
        LowRankPair pair = random(3, 24, 24);
        AdapterSite site = new AdapterSite(0, WeightRole.QUERY);
        assertSame(pair, RotaryOrder.reorder(site, pair, config, RotaryPairing.HALVES, RotaryPairing.HALVES));
    }

    private static LowRankPair random(int rank, int inputs, int outputs) {
        Random random = new Random(17);
        return new LowRankPair(rank, inputs, outputs,
                PeftDirectory.gaussians(random, rank * inputs), PeftDirectory.gaussians(random, outputs * rank));
    }
}
