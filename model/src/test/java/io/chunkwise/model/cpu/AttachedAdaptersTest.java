package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AttachedAdaptersTest {
    private static final LlamaConfig CONFIG = SyntheticLlama.config(64, 2, 2, 1, 96, 33, 64);

    private final LlamaModel model = SyntheticLlama.model(CONFIG, TensorType.Q8_0, 1);
    private final WorkerTeam team = new WorkerTeam(2);
    private final AttachedAdapters adapters = new AttachedAdapters(model.weights(), AdapterExecution.DEFAULT, false, team);
    private final Adapter first = SyntheticLlama.adapter(CONFIG, 8, 1);
    private final Adapter second = SyntheticLlama.adapter(CONFIG, 20, 2);
    private final AdapterSite site = first.sites().keySet().iterator().next();

    @AfterEach
    void close() {
        adapters.close();
        team.close();
        model.close();
    }

    @Test
    void theCopyOfAnAdapterGoesWithIt() {
        adapters.attach(Optional.of(first));
        AttachedPair pair = adapters.get(site);
        long bytes = adapters.bytes();
        assertEquals(8, pair.rank());
        assertTrue(bytes > 0);
        adapters.attach(Optional.of(second));
        assertEquals(20, adapters.get(site).rank());
        assertEquals(20 * bytes / 8, adapters.bytes(), "of the second one alone");
        adapters.attach(Optional.empty());
        assertNull(adapters.get(site));
        assertEquals(0, adapters.bytes());
        adapters.attach(Optional.of(first));
        assertNotSame(pair, adapters.get(site));
        assertThrows(IllegalStateException.class, () -> pair.down().get(ValueLayout.JAVA_BYTE, 0), "freed");
    }

    @Test
    void reservedAdaptersAreCopiedOnceAndNotBeforeTheyAreAttached() {
        adapters.reserve(List.of(first, second));
        assertEquals(0, adapters.bytes());
        adapters.attach(Optional.of(first));
        AttachedPair pair = adapters.get(site);
        long bytes = adapters.bytes();
        adapters.attach(Optional.of(second));
        assertEquals(bytes + 20 * bytes / 8, adapters.bytes(), "of both");
        adapters.attach(Optional.empty());
        assertNull(adapters.get(site), "kept, but not attached");
        adapters.attach(Optional.of(first));
        assertSame(pair, adapters.get(site));
        adapters.reserve(List.of());
        assertEquals(bytes, adapters.bytes(), "of the attached one");
        assertSame(pair, adapters.get(site));
    }

    @Test
    void nothingIsAttachedIfCopyingFails() {
        adapters.attach(Optional.of(first));
        Map<AdapterSite, LowRankPair> sites = new HashMap<>(second.sites());
        sites.put(new AdapterSite(2, site.role()), sites.get(site)); // the model has two layers
        Adapter deeper = new Adapter("deeper", 1, sites);
        assertThrows(RuntimeException.class, () -> adapters.attach(Optional.of(deeper)));
        assertEquals(Optional.empty(), adapters.attached());
        assertNull(adapters.get(site));
        assertEquals(0, adapters.bytes());
        adapters.attach(Optional.of(first));
        assertNotNull(adapters.get(site));
    }
}
