package io.chunkwise.tornado.device;

import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.tornado.kernels.Page;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Memory of the KV cache: a pool of slots per format, of all layers together, the page table, and the newest queries. Which page lies
 * in which slot is decided elsewhere; layouts are those of {@link Page}. A pool that is not used has one element.
 *
 * @param type    of full pages: in {@code keys} and {@code values}, or in {@code halves}
 * @param keys    [full slots, TOKENS, kvHeads, headDim]
 * @param values  [full slots, TOKENS, kvHeads, headDim]
 * @param halves  [full slots, 2, TOKENS, kvHeads, headDim], and a head behind them that kernels write to and nobody reads
 * @param decode  [64]: what makes a float of a half, see {@link StackedWeight.F16}
 * @param codes8  [Q8 slots, 2, TOKENS, kvHeads, headDim]
 * @param scales8 [Q8 slots, 2, TOKENS, kvHeads]
 * @param codes4  [Q4 slots, 2, TOKENS, kvHeads, headDim / 2]
 * @param scales4 [Q4 slots, 2, TOKENS, kvHeads]
 * @param table   [layers, pages] on the device as on the host, so that the host knows what the device knows
 * @param probes  [layers, PROBES, queryDim]
 */
public record KvPools(Slots slots, KvType type, FloatArray keys, FloatArray values, ShortArray halves, FloatArray decode,
        ByteArray codes8, FloatArray scales8, ByteArray codes4, FloatArray scales4, IntArray table, FloatArray probes) {

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
    public static KvPools of(LlamaConfig config, int contextLength, Slots slots, KvType type) {
        return new KvPools(slots, type, fullPool("keys", config, type, slots.full()), fullPool("values", config, type, slots.full()),
                halfPool(config, type, slots.full()), WeightStacking.decodeTable(ProjectionKernels.F16_MANTISSA_BITS),
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
        return new KvPools(larger, type,
                full ? copied(keys, fullPool("keys", config, type, larger.full())) : keys,
                full ? copied(values, fullPool("values", config, type, larger.full())) : values,
                full ? copied(halves, halfPool(config, type, larger.full())) : halves,
                decode,
                q8 ? copied(codes8, codes("Q8", config, larger.q8(), config.headDim())) : codes8,
                q8 ? copied(scales8, scales("Q8", config, larger.q8())) : scales8,
                q4 ? copied(codes4, codes("Q4", config, larger.q4(), config.headDim() / 2)) : codes4,
                q4 ? copied(scales4, scales("Q4", config, larger.q4())) : scales4,
                table, probes);
    }

    /** Of keys and values in all formats. */
    public long bytes() {
        return Stream.of(keys, values, halves, codes8, scales8, codes4, scales4).mapToLong(TornadoNativeArray::getNumBytesOfSegment).sum();
    }

    public List<TornadoNativeArray> arrays() {
        return List.of(keys, values, halves, decode, codes8, scales8, codes4, scales4, table, probes);
    }

    /** What only the device knows: all but the tables. */
    public List<TornadoNativeArray> contents() {
        return List.of(keys, values, halves, codes8, scales8, codes4, scales4, probes);
    }

    private static FloatArray fullPool(String what, LlamaConfig config, KvType type, int slots) {
        return DeviceArrays.floats("KV cache (" + what + ")", type == KvType.F32 ? elements(config, slots) : 1);
    }

    private static ShortArray halfPool(LlamaConfig config, KvType type, int slots) {
        return DeviceArrays.shorts("KV cache (F16)", type == KvType.F16 ? 2 * elements(config, slots) + config.headDim() : 1);
    }

    /** Of keys or of values. */
    private static long elements(LlamaConfig config, int slots) {
        return (long) Math.max(1, slots) * Page.TOKENS * config.kvDim();
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
