package io.chunkwise.tornado.device;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.tornado.kernels.LowRankKernels;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The attached adapter: all sites stacked in two arrays of reserved size, and a table that says where each site begins and where
 * its component groups end. Without an adapter all sites have rank 0.
 */
public final class DeviceAdapter {
    /** Sizes that an adapter may have without new task graphs; compiled into the kernels. */
    public record Reservation(int rank, int groups, long downElements, long upElements) {
        /** Nothing but the minimum that arrays need. */
        public static final Reservation NONE = new Reservation(1, 1, 1, 1);

        public static Reservation of(Adapter adapter) {
            long down = 0;
            long up = 0;
            for (LowRankPair pair : adapter.sites().values()) {
                down += pair.down().length;
                up += pair.up().length;
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
    private final FloatArray down;
    private final FloatArray up;
    private final IntArray table;
    private final FloatArray hidden;
    private int[] activeRanks = {0};

    public DeviceAdapter(int layers, int rowCapacity, Reservation reservation) {
        this.layers = layers;
        this.reservation = reservation;
        down = DeviceArrays.floats("adapter down", reservation.downElements());
        up = DeviceArrays.floats("adapter up", reservation.upElements());
        table = DeviceArrays.ints("adapter table", LowRankKernels.HEADER + (long) layers * LowRankKernels.SITES * siteInts());
        hidden = DeviceArrays.floats("adapter components", rowCapacity, LowRankKernels.SITES, reservation.rank());
        load(Optional.empty());
    }

    public Reservation reservation() {
        return reservation;
    }

    /** Whether there is room for any adapter with sites. */
    public boolean isReserved() {
        return !reservation.equals(Reservation.NONE);
    }

    /** [rank, inputs] per site */
    public FloatArray down() {
        return down;
    }

    /** [outputs, rank] per site */
    public FloatArray up() {
        return up;
    }

    /** Where each site begins and its groups end, see {@link LowRankKernels}. */
    public IntArray table() {
        return table;
    }

    /** [rowCapacity, SITES, reserved rank]: components of the layer being worked on. */
    public FloatArray hidden() {
        return hidden;
    }

    public List<TornadoNativeArray> arrays() {
        return List.of(down, up, table, hidden);
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
                    MemorySegment.copy(MemorySegment.ofArray(pair.down()), 0, down.getSegment(), 4L * downAt, 4L * pair.down().length);
                    MemorySegment.copy(MemorySegment.ofArray(pair.up()), 0, up.getSegment(), 4L * upAt, 4L * pair.up().length);
                    downAt += pair.down().length;
                    upAt += pair.up().length;
                }
            }
        }
    }

    private int siteInts() {
        return LowRankKernels.SITE_INTS + reservation.groups();
    }
}
