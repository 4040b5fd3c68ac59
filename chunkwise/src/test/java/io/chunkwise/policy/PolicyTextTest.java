package io.chunkwise.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.RandomPolicies;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PolicyTextTest {

    @ParameterizedTest
    @EnumSource(RungKind.class)
    void whatIsWrittenIsReadAgain(RungKind rungs) {
        for (long seed = 0; seed < 200; seed++) {
            ChunkPolicy policy = RandomPolicies.policy(seed, 32, rungs);
            policy = seed % 3 == 0 ? policy.withBudget(0.1 * seed) : policy;
            assertReadAgain(policy, "seed " + seed);
        }
    }

    @Test
    void policiesOfOneBandAreReadAgain() {
        assertReadAgain(ChunkPolicy.uniformMax(), "max");
        assertReadAgain(ChunkPolicy.uniform(7).withRungs(RungKind.THRESHOLD).withComponents(List.of(12.5)), "12.5");
        assertReadAgain(ChunkPolicy.adaptive(), "adaptive");
    }

    @Test
    void commentsStandAbove() {
        String text = PolicyText.of(ChunkPolicy.uniform(3), List.of("made by hand", "", "it's so: #1"));
        assertTrue(text.startsWith("# made by hand\n#\n# it's so: #1\n\n"), text);
    }

    private static void assertReadAgain(ChunkPolicy policy, String what) {
        String text = PolicyText.of(policy, List.of("comment"));
        assertEquals(policy, PolicyFile.parse(policy.name(), text), () -> what + "\n" + text);
    }
}
