package io.chunkwise.tornado;

import io.chunkwise.model.forward.PassLimits;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvLimits;
import io.chunkwise.model.kv.KvMeasurement;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvPageTable;
import io.chunkwise.model.kv.KvPages;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.kv.KvUsage;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.tornado.device.ControlBlock;
import io.chunkwise.tornado.graph.Passes;
import io.chunkwise.tornado.kernels.MeasureKernels;
import io.chunkwise.tornado.kernels.Page;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The pages of a sequence whose keys and values lie on a device. Slots are given out here; the device's page table is changed only
 * where it differs, before anything reads it: once every {@link KvPage#TOKENS} tokens, and when pages change.
 */
final class DeviceKvPages implements KvPages {
    private static final int NONE = -1;

    private final LlamaConfig config;
    private final KvType type;
    private final DeviceSession session;
    private final KvPageTable table;
    private final KvLimits limits;
    private int filled;
    /** Queries from this position on are known. */
    private int firstProbe;
    /** Whether a page has changed since the device was told about pages. */
    private boolean changed;

    DeviceKvPages(LlamaConfig config, int contextLength, KvReservation reservation, DeviceSession session) {
        this.config = config;
        type = reservation.type();
        this.session = session;
        table = new KvPageTable(config.layers(), KvPage.count(contextLength));
        limits = new KvLimits(table, reservation.quantizable());
    }

    /** Makes room for a pass, and forgets what lies behind its beginning: all of it, until {@link #fill}. */
    void begin(TokenBatch batch, PassLimits passLimits) {
        passLimits.checkRewind(batch, table);
        int position = batch.position();
        int firstPage = KvPage.count(position);
        int end = KvPage.count(position + batch.rows());
        if (position < filled) {
            for (int layer = 0; layer < config.layers(); layer++) {
                for (int page = firstPage; page < KvPage.count(filled); page++) {
                    table.clear(layer, page);
                }
            }
            firstProbe = position;
            filled = position;
        }
        if (firstPage < end) {
            reserve(KvFormat.FULL, (end - firstPage) * config.layers());
            for (int page = firstPage; page < end; page++) {
                for (int layer = 0; layer < config.layers(); layer++) {
                    // A pass that failed half-way has written them already.
                    if (!table.isWritten(layer, page)) {
                        table.write(layer, page);
                        changed = true;
                    }
                }
            }
        }
        updateDevice(end);
    }

    /** A pass has stored positions below {@code filled}. */
    void fill(int filled) {
        this.filled = filled;
    }

    /** Forgets the sequence. */
    void clear() {
        table.shift(0, table.pages());
        filled = 0;
        firstProbe = 0;
    }

    @Override
    public int filled() {
        return filled;
    }

    @Override
    public KvType type() {
        return type;
    }

    @Override
    public KvFormat format(KvPage page) {
        limits.checkFormat(page, filled);
        return table.format(page.layer(), page.page());
    }

    @Override
    public List<KvMeasurement> measure(List<KvPage> pages) {
        limits.checkMeasure(pages, filled);
        int probes = Math.min(filled - firstProbe, Page.PROBES);
        if (probes == 0) {
            throw new IllegalStateException("there is nothing to measure with: run a pass first, its queries are the probes");
        }
        updateDevice(KvPage.count(filled));
        Passes passes = session.passes();
        ControlBlock control = session.state().control();
        KvMeasurement[] measured = new KvMeasurement[pages.size()];
        for (int layer = 0; layer < config.layers(); layer++) {
            control.probes(layer, filled - probes, probes);
            Batch batch = new Batch(control, places -> {
                passes.measure();
                collect(pages, places, measured);
            });
            for (int i = 0; i < measured.length; i++) {
                KvPage page = pages.get(i);
                if (page.layer() == layer) {
                    batch.add(i, entry(layer, page.page()), page.page(), NONE, NONE);
                }
            }
            batch.flush();
        }
        return Arrays.asList(measured);
    }

    private void collect(List<KvPage> pages, int[] places, KvMeasurement[] measured) {
        FloatArray result = session.state().buffers().measurement().result();
        for (int job = 0; job < places.length; job++) {
            int at = job * MeasureKernels.RESULT;
            int place = places[job];
            measured[place] = new KvMeasurement(pages.get(place), result.get(at), result.get(at + 1), result.get(at + 2),
                    result.get(at + 3));
        }
    }

    @Override
    public void store(List<KvPage> pages, KvFormat format) {
        limits.checkStore(pages, format, filled);
        List<KvPage> changing = pages.stream().distinct().filter(page -> table.format(page.layer(), page.page()) != format).toList();
        if (changing.isEmpty()) {
            return;
        }
        changed = true;
        if (format == KvFormat.EVICTED) {
            changing.forEach(page -> table.move(page.layer(), page.page(), format));
            return;
        }
        reserve(format, changing.size());
        Passes passes = session.passes();
        Batch batch = new Batch(session.state().control(), _ -> passes.quantize());
        for (KvPage page : changing) {
            int source = entry(page.layer(), page.page());
            // The source stays as it is until the next pass takes its slot.
            int target = table.move(page.layer(), page.page(), format);
            batch.add(NONE, source, NONE, target, code(format));
        }
        batch.flush();
    }

    @Override
    public void shift(int keptPages, int droppedPages) {
        limits.checkShift(keptPages, droppedPages, filled);
        table.shift(keptPages, droppedPages);
        filled -= droppedPages * KvPage.TOKENS;
        firstProbe = filled;
        changed = true;
        if (droppedPages == 0) {
            return;
        }
        Passes passes = session.passes();
        session.state().control().shift(droppedPages * KvPage.TOKENS);
        Batch batch = new Batch(session.state().control(), _ -> passes.turnKeysBack());
        for (int layer = 0; layer < config.layers(); layer++) {
            for (int page = keptPages; page < KvPage.count(filled); page++) {
                if (table.format(layer, page) == KvFormat.FULL) {
                    batch.add(NONE, entry(layer, page), NONE, NONE, NONE);
                }
            }
        }
        batch.flush();
    }

    @Override
    public KvUsage usage() {
        return new KvUsage(bytes(KvFormat.FULL), bytes(KvFormat.Q8), bytes(KvFormat.Q4), session.state().pools().bytes());
    }

    private long bytes(KvFormat format) {
        return (long) table.used(format) * KvPage.TOKENS * format.bytesPerToken(config, type);
    }

    // The lowest free slots are taken, so that the pool need not be larger than this.
    private void reserve(KvFormat format, int pages) {
        session.reserve(format, Math.max(table.end(format), table.used(format) + pages));
    }

    /** Tells the device about pages below {@code end} that changed since it was told last. */
    private void updateDevice(int end) {
        if (!changed) {
            return;
        }
        Passes passes = session.passes();
        IntArray known = session.state().pools().table();
        Batch batch = new Batch(session.state().control(), _ -> passes.updateTable());
        for (int layer = 0; layer < config.layers(); layer++) {
            for (int page = 0; page < end; page++) {
                int at = layer * table.pages() + page;
                int entry = entry(layer, page);
                if (known.get(at) != entry) {
                    known.set(at, entry);
                    batch.add(NONE, NONE, at, entry, NONE);
                }
            }
        }
        batch.flush();
        changed = false;
    }

    /** As {@link Page} has it. */
    private int entry(int layer, int page) {
        return Page.entry(table.slot(layer, page), code(table.format(layer, page)));
    }

    private int code(KvFormat format) {
        return switch (format) {
            case FULL -> type == KvType.F16 ? Page.F16 : Page.FULL;
            case Q8 -> Page.Q8;
            case Q4 -> Page.Q4;
            case EVICTED -> Page.EVICTED;
        };
    }

    /** Jobs that are done whenever the job list is full. */
    private static final class Batch {
        private final ControlBlock control;
        private final Consumer<int[]> execution;
        private int[] places = new int[16];

        /** @param execution does the jobs; given the place of each */
        Batch(ControlBlock control, Consumer<int[]> execution) {
            this.control = control;
            this.execution = execution;
            control.noJobs();
        }

        void add(int place, int source, int page, int target, int format) {
            int job = control.jobCount();
            if (job == places.length) {
                places = Arrays.copyOf(places, 2 * job);
            }
            places[job] = place;
            if (control.job(source, page, target, format)) {
                flush();
            }
        }

        void flush() {
            if (control.jobCount() > 0) {
                execution.accept(Arrays.copyOf(places, control.jobCount()));
                control.noJobs();
            }
        }
    }
}
