package io.chunkwise.tornado.device;

import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.tornado.kernels.Page;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Memory of the KV cache: a pool of slots per format, of all layers together, the page table, and the newest queries. Which page lies
 * in which slot is decided elsewhere; layouts are those of {@link Page}.
 *
 * @param keys    [full slots, TOKENS, kvHeads, headDim]
 * @param values  [full slots, TOKENS, kvHeads, headDim]
 * @param codes8  [Q8 slots, 2, TOKENS, kvHeads, headDim]
 * @param scales8 [Q8 slots, 2, TOKENS, kvHeads]
 * @param codes4  [Q4 slots, 2, TOKENS, kvHeads, headDim / 2]
 * @param scales4 [Q4 slots, 2, TOKENS, kvHeads]
 * @param table   [layers, pages] on the device as on the host, so that the host knows what the device knows
 * @param probes  [layers, PROBES, queryDim]
 */
public record KvPools(Slots slots, FloatArray keys, FloatArray values, ByteArray codes8, FloatArray scales8, ByteArray codes4,
        FloatArray scales4, IntArray table, FloatArray probes) {

    /** Slots of each pool. */
    public record Slots(int full, int q8, int q4) {

        /** For as many positions per layer as are reserved, and those of a pass besides, but no more than the context has. */
        public static Slots of(KvReservation reservation, int layers, int contextLength, int rowCapacity) {
            int most = KvPage.count(contextLength);
            return new Slots(slots(layers, Math.min(most, (long) KvPage.count(reservation.fullTokens()) + KvPage.count(rowCapacity))),
                    slots(layers, Math.min(most, KvPage.count(reservation.q8Tokens()))),
                    slots(layers, Math.min(most, KvPage.count(reservation.q4Tokens()))));
        }

        // What is too large for an int is too large for an array, and refused with its name.
        private static int slots(int layers, long pages) {
            return (int) Math.min(Integer.MAX_VALUE, layers * pages);
        }

        public int of(KvFormat format) {
            return switch (format) {
                case FULL -> full;
                case Q8 -> q8;
                case Q4 -> q4;
                case EVICTED -> 0;
            };
        }

        public Slots with(KvFormat format, int slots) {
            return switch (format) {
                case FULL -> new Slots(slots, q8, q4);
                case Q8 -> new Slots(full, slots, q4);
                case Q4 -> new Slots(full, q8, slots);
                case EVICTED -> this;
            };
        }
    }

    /**
     * Empty pools.
     *
     * @throws io.chunkwise.model.forward.ExecutorException if one is too large
     */
    public static KvPools of(LlamaConfig config, int contextLength, Slots slots) {
        return new KvPools(slots, fullPool("keys", config, slots.full()), fullPool("values", config, slots.full()),
                codes("Q8", config, slots.q8(), config.headDim()), scales("Q8", config, slots.q8()),
                codes("Q4", config, slots.q4(), config.headDim() / 2), scales("Q4", config, slots.q4()),
                DeviceArrays.ints("page table", config.layers(), KvPage.count(contextLength)),
                DeviceArrays.floats("probes", config.layers(), Page.PROBES, config.queryDim()));
    }

    /** Larger pools with the same contents, as the host has them; table, probes and pools that do not grow are shared. */
    public KvPools grown(LlamaConfig config, Slots larger) {
        boolean full = larger.full() != slots.full();
        boolean q8 = larger.q8() != slots.q8();
        boolean q4 = larger.q4() != slots.q4();
        return new KvPools(larger,
                full ? copied(keys, fullPool("keys", config, larger.full())) : keys,
                full ? copied(values, fullPool("values", config, larger.full())) : values,
                q8 ? copied(codes8, codes("Q8", config, larger.q8(), config.headDim())) : codes8,
                q8 ? copied(scales8, scales("Q8", config, larger.q8())) : scales8,
                q4 ? copied(codes4, codes("Q4", config, larger.q4(), config.headDim() / 2)) : codes4,
                q4 ? copied(scales4, scales("Q4", config, larger.q4())) : scales4,
                table, probes);
    }

    /** Of keys and values in all formats. */
    public long bytes() {
        return Stream.of(keys, values, codes8, scales8, codes4, scales4).mapToLong(TornadoNativeArray::getNumBytesOfSegment).sum();
    }

    public List<TornadoNativeArray> arrays() {
        return List.of(keys, values, codes8, scales8, codes4, scales4, table, probes);
    }

    /** What only the device knows: all but the table. */
    public List<TornadoNativeArray> contents() {
        return List.of(keys, values, codes8, scales8, codes4, scales4, probes);
    }

    private static FloatArray fullPool(String what, LlamaConfig config, int slots) {
        return DeviceArrays.floats("KV cache (" + what + ")", Math.max(1, slots), Page.TOKENS, config.kvDim());
    }

    private static ByteArray codes(String format, LlamaConfig config, int slots, int bytesPerHead) {
        return DeviceArrays.bytes("KV cache (" + format + ")", slots == 0 ? 1 : slots * 2L * Page.TOKENS * config.kvHeads() * bytesPerHead);
    }

    private static FloatArray scales(String format, LlamaConfig config, int slots) {
        return DeviceArrays.floats("KV cache (" + format + " scales)", slots == 0 ? 1 : slots * 2L * Page.TOKENS * config.kvHeads());
    }

    private static <A extends TornadoNativeArray> A copied(A from, A to) {
        MemorySegment source = from.getSegment();
        MemorySegment target = to.getSegment();
        MemorySegment.copy(source, 0, target, 0, Math.min(source.byteSize(), target.byteSize()));
        return to;
    }
}
