package io.chunkwise.tornado.device;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.tornado.kernels.FinishKernels;
import io.chunkwise.tornado.kernels.LowRankKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The attached adapter: all sites stacked in arrays of reserved size, and a table that says where each site begins and where
 * its component groups end. Without an adapter all sites have rank 0.
 */
public final class DeviceAdapter {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Sizes that an adapter may have without new task graphs; compiled into the kernels. */
    public record Reservation(int rank, int groups, long downElements, long upElements) {
        /** Nothing but the minimum that arrays need. */
        public static final Reservation NONE = new Reservation(1, 1, 1, 1);

        public static Reservation of(Adapter adapter) {
            long down = 0;
            long up = 0;
            for (LowRankPair pair : adapter.sites().values()) {
                down += pair.down().length;
                up += upSize(pair);
            }
            return new Reservation(Math.max(1, adapter.maxRank()), Math.max(1, adapter.groups()), Math.max(1, down), Math.max(1, up));
        }

        public boolean holds(Reservation other) {
            return rank >= other.rank && groups >= other.groups && downElements >= other.downElements && upElements >= other.upElements;
        }

        /** The smallest that holds both. */
        public Reservation with(Reservation other) {
            return new Reservation(Math.max(rank, other.rank), Math.max(groups, other.groups),
                    Math.max(downElements, other.downElements), Math.max(upElements, other.upElements));
        }
    }

    private final Reservation reservation;
    private final int layers;
    private final boolean coded;
    private final boolean fused;
    private final IntArray downCodes;
    private final FloatArray downFloats;
    private final IntArray upCodes;
    private final FloatArray upFloats;
    private final IntArray table;
    private final FloatArray hidden;
    private final FloatArray parts;
    private int[] activeRanks = {0};

    /**
     * @param parts the most parts of an input for which the down half of an update is summed up on its own
     * @param coded whether components are kept in Q8_0, else in F32
     * @param fused whether updates are part of the tasks of their projections
     */
    public DeviceAdapter(int layers, int rowCapacity, int parts, Reservation reservation, boolean coded, boolean fused) {
        this.layers = layers;
        this.reservation = reservation;
        this.coded = coded;
        this.fused = fused;
        downCodes = DeviceArrays.ints("adapter down", coded ? Math.ceilDiv(reservation.downElements(), 4) : 1);
        downFloats = DeviceArrays.floats("adapter down", floats(reservation.downElements()));
        upCodes = DeviceArrays.ints("adapter up", coded ? Math.ceilDiv(reservation.upElements(), 4) : 1);
        upFloats = DeviceArrays.floats("adapter up", floats(reservation.upElements()));
        table = DeviceArrays.ints("adapter table", LowRankKernels.HEADER + (long) layers * LowRankKernels.SITES * siteInts());
        hidden = DeviceArrays.floats("adapter components", rowCapacity, LowRankKernels.SITES, reservation.rank());
        this.parts = DeviceArrays.floats("parts of adapter components", rowCapacity, parts, reservation.rank());
        load(Optional.empty());
    }

    /** F32, fused. */
    public DeviceAdapter(int layers, int rowCapacity, Reservation reservation) {
        this(layers, rowCapacity, 1, reservation, false, true);
    }

    /**
     * In the number format that the execution wants beside {@code base}. Deviation: F32 stands for the 16-bit formats, too, and Q8_0
     * for Q4_0, because no kernel decodes components of them yet; and F32 for Q8_0 where heads or inputs are not whole blocks.
     */
    public static DeviceAdapter of(LlamaConfig config, int rowCapacity, Reservation reservation, AdapterExecution execution,
            TensorType base) {
        boolean coded = isInBlocks(config) && switch (execution.typeFor(base)) {
            case Q8_0, Q4_0 -> true;
            case F32, F16, BF16 -> false;
        };
        int parts = Math.max(config.heads(), FinishKernels.mostPartsInAnyForm(config.ffnSize()));
        return new DeviceAdapter(config.layers(), rowCapacity, parts, reservation, coded, execution.fused());
    }

    /** Whether heads and inputs are whole blocks, so that components can be kept in Q8_0. */
    public static boolean isInBlocks(LlamaConfig config) {
        return config.hiddenSize() % LowRankKernels.BLOCK == 0 && config.headDim() % LowRankKernels.BLOCK == 0
                && config.ffnSize() % LowRankKernels.BLOCK == 0;
    }

    private long floats(long elements) {
        return coded ? Math.ceilDiv(elements, LowRankKernels.BLOCK) : elements;
    }

    public Reservation reservation() {
        return reservation;
    }

    /** What components lie in. */
    public TensorType componentType() {
        return coded ? TensorType.Q8_0 : TensorType.F32;
    }

    /** Whether there is room for any adapter with sites. */
    public boolean isReserved() {
        return !reservation.equals(Reservation.NONE);
    }

    /** Whether updates are part of the tasks of their projections. */
    public boolean isFused() {
        return fused;
    }

    /** [rank, inputs] per site; see {@link LowRankKernels} */
    public IntArray downCodes() {
        return downCodes;
    }

    /** [rank, inputs] per site; see {@link LowRankKernels} */
    public FloatArray downFloats() {
        return downFloats;
    }

    /** [tiles of 32 outputs, rank, 32] per site; see {@link LowRankKernels} */
    public IntArray upCodes() {
        return upCodes;
    }

    /** [tiles of 32 outputs, rank, 32] per site; see {@link LowRankKernels} */
    public FloatArray upFloats() {
        return upFloats;
    }

    /** Where each site begins and its groups end, see {@link LowRankKernels}. */
    public IntArray table() {
        return table;
    }

    /** [rowCapacity, SITES, reserved rank]: components of the layer being worked on. */
    public FloatArray hidden() {
        return hidden;
    }

    /** [rowCapacity, parts, reserved rank]: components whose parts are still to be added up. */
    public FloatArray parts() {
        return parts;
    }

    public List<TornadoNativeArray> arrays() {
        return List.of(downCodes, downFloats, upCodes, upFloats, table, hidden, parts);
    }

    /** The most components that the loaded adapter's first {@code activeGroups} groups have at any site. */
    public int activeRank(int activeGroups) {
        return activeRanks[activeGroups];
    }

    /** Index of a projection among the adaptable ones, as kernels count them. */
    public static int siteOf(WeightRole role) {
        return WeightRole.ADAPTABLE.indexOf(role);
    }

    /** Fills the host side of the arrays; the caller uploads them. The adapter fits the reservation and the model. */
    public void load(Optional<Adapter> adapter) {
        table.init(0);
        table.set(LowRankKernels.RESERVED_RANK, reservation.rank());
        table.set(LowRankKernels.GROUP_CAPACITY, reservation.groups());
        table.set(LowRankKernels.CODED, coded ? 1 : 0);
        activeRanks = new int[1 + adapter.map(Adapter::groups).orElse(0)];
        Map<AdapterSite, LowRankPair> pairs = adapter.map(Adapter::sites).orElse(Map.of());
        int downAt = 0;
        int upAt = 0;
        for (int layer = 0; layer < layers; layer++) {
            for (WeightRole role : WeightRole.ADAPTABLE) {
                LowRankPair pair = pairs.get(new AdapterSite(layer, role));
                if (pair != null) {
                    int at = LowRankKernels.HEADER + (layer * LowRankKernels.SITES + siteOf(role)) * siteInts();
                    table.set(at + LowRankKernels.DOWN_OFFSET, downAt);
                    table.set(at + LowRankKernels.UP_OFFSET, upAt);
                    table.set(at + LowRankKernels.RANK, pair.rank());
                    for (int group = 0; group < pair.groupEnd().length; group++) {
                        table.set(at + LowRankKernels.SITE_INTS + group, pair.groupEnd()[group]);
                        activeRanks[group + 1] = Math.max(activeRanks[group + 1], pair.groupEnd()[group]);
                    }
                    store(pair.down(), downCodes, downFloats, downAt);
                    store(inTiles(pair), upCodes, upFloats, upAt);
                    downAt += pair.down().length;
                    upAt += Math.toIntExact(upSize(pair));
                }
            }
        }
    }

    private void store(float[] values, IntArray codes, FloatArray floats, int at) {
        if (!coded) {
            MemorySegment.copy(MemorySegment.ofArray(values), 0, floats.getSegment(), 4L * at, 4L * values.length);
            return;
        }
        MemorySegment blocks = MemorySegment.ofArray(new byte[Math.toIntExact(TensorType.Q8_0.bytesFor(values.length))]);
        BlockCodec.encode(TensorType.Q8_0, values, 0, values.length, blocks, 0);
        int blockBytes = TensorType.Q8_0.blockBytes();
        for (int block = 0; block < values.length / LowRankKernels.BLOCK; block++) {
            int target = at / LowRankKernels.BLOCK + block;
            floats.set(target, Float.float16ToFloat(blocks.get(SHORT, (long) block * blockBytes)));
            WeightStacking.interleave(blocks, (long) block * blockBytes + 2, codes.getSegment(), target);
        }
    }

    /** [tiles of 32 outputs, rank, 32]; zeros behind the last output */
    private static float[] inTiles(LowRankPair pair) {
        float[] tiles = new float[Math.toIntExact(upSize(pair))];
        for (int output = 0; output < pair.outputs(); output++) {
            int tile = output / LowRankKernels.BLOCK * pair.rank();
            for (int k = 0; k < pair.rank(); k++) {
                tiles[(tile + k) * LowRankKernels.BLOCK + output % LowRankKernels.BLOCK] = pair.up()[output * pair.rank() + k];
            }
        }
        return tiles;
    }

    private static long upSize(LowRankPair pair) {
        return (long) pair.rank() * Math.ceilDiv(pair.outputs(), LowRankKernels.BLOCK) * LowRankKernels.BLOCK;
    }

    private int siteInts() {
        return LowRankKernels.SITE_INTS + reservation.groups();
    }
}
