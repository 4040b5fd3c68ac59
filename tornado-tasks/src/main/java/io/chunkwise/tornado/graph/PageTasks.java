package io.chunkwise.tornado.graph;

import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.KvPools;
import io.chunkwise.tornado.device.MeasureBuffers;
import io.chunkwise.tornado.kernels.AttentionKernels;
import io.chunkwise.tornado.kernels.Jobs;
import io.chunkwise.tornado.kernels.MeasureKernels;
import io.chunkwise.tornado.kernels.Page;
import io.chunkwise.tornado.kernels.PageKernels;
import io.chunkwise.tornado.kernels.SplitAttentionKernels;
import io.chunkwise.tornado.kernels.Splits;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Tasks that read or write pages of the KV cache: the only place that knows its pools. */
final class PageTasks {
    private final LlamaConfig config;
    private final DeviceBuffers buffers;
    private final KvPools pools;
    private final IntArray control;
    private final IntArray jobs;
    private final KernelContext context;
    private final KernelForm form;

    PageTasks(DeviceState state, KernelContext context, KernelForm form) {
        config = state.config();
        buffers = state.buffers();
        pools = state.pools();
        control = state.control().ints();
        jobs = state.control().jobs();
        this.context = context;
        this.form = form;
    }

    void append(TaskSink sink, FloatArray query, FloatArray key, FloatArray value) {
        sink.task("append_kv", Launch.threadsPerRow(config.queryDim()), PageKernels::appendToPages, control, pools.table(), query, key,
                value, pools.keys(), pools.values(), pools.halves(), pools.probes(), config.queryDim(), config.kvDim());
    }

    void attend(TaskSink sink, FloatArray query, FloatArray out) {
        switch (form) {
            case THREADED -> attend(sink, "attend", Launch.groupsPerRow(config.heads(), 1), query, out, buffers.softmax());
            case GROUPED -> {
                attendSplits(sink, query);
                join(sink, "join_splits", Launch.threadsPerRow(config.queryDim()), out, buffers.softmax());
            }
        }
    }

    /** Attention that another task has to put together, in the grouped form. */
    void attendSplits(TaskSink sink, FloatArray query) {
        attendSplits(sink, "attend", Launch.groupsPerSplit(config.heads(), SplitAttentionKernels.THREADS), query);
    }

    void updateTable(TaskSink sink) {
        sink.task("update_table", Launch.threadsPerRow(1), PageKernels::updateTable, control, jobs, pools.table(), Jobs.STRIDE);
    }

    void measure(TaskSink sink) {
        MeasureBuffers m = buffers.measurement();
        int heads = config.heads();
        sink.task("gather_probes", Launch.threads((long) Page.PROBES * config.queryDim()), MeasureKernels::gatherProbes, control,
                pools.probes(), m.query(), config.queryDim());
        switch (form) {
            case THREADED -> attend(sink, "attend_probes", Launch.groups((long) Page.PROBES * heads, 1), m.query(), m.attended(),
                    m.softmax());
            case GROUPED -> {
                // Rows are jobs here, so that the grid fits any number of probes.
                Launch any = Launch.groups(Splits.most(Page.PROBES, heads), SplitAttentionKernels.THREADS);
                attendSplits(sink, "attend_probes", any, m.query());
                join(sink, "join_probes", Launch.threads((long) Page.PROBES * config.queryDim()), m.attended(), m.softmax());
            }
        }
        sink.task("compare_pages", Launch.threadsPerRow((long) Page.PROBES * heads), MeasureKernels::comparePages, control, jobs, m.query(),
                m.attended(), m.softmax(), pools.keys(), pools.values(), pools.halves(), pools.decode(), m.changes(), heads,
                config.kvHeads(), config.headDim());
        sink.task("summarize_pages", Launch.threadsPerRow(1), MeasureKernels::summarizePages, control, m.changes(), m.result(), heads);
    }

    void quantize(TaskSink sink) {
        Launch launch = Launch.threadsPerRow(2L * Page.TOKENS * config.kvHeads());
        sink.task("quantize_q8", launch, PageKernels::quantizePagesQ8, control, jobs, pools.keys(), pools.values(), pools.halves(),
                pools.decode(), pools.codes8(), pools.scales8(), config.kvHeads(), config.headDim());
        sink.task("quantize_q4", launch, PageKernels::quantizePagesQ4, control, jobs, pools.keys(), pools.values(), pools.halves(),
                pools.decode(), pools.codes4(), pools.scales4(), config.kvHeads(), config.headDim());
    }

    void turnKeysBack(TaskSink sink) {
        boolean halves = config.rotaryPairing() == RotaryPairing.HALVES;
        sink.task("turn_keys_back", Launch.threadsPerRow((long) Page.TOKENS * config.kvDim() / 2), PageKernels::turnKeysBack, control, jobs,
                buffers.angles(), pools.keys(), pools.halves(), pools.decode(), config.kvHeads(), config.headDim(), halves ? 1 : 2,
                halves ? config.headDim() / 2 : 1);
    }

    private void attend(TaskSink sink, String id, Launch launch, FloatArray query, FloatArray out, FloatArray softmax) {
        sink.task(id, launch, AttentionKernels::attendPages, control, pools.table(), query, pools.keys(), pools.values(), pools.halves(),
                pools.decode(), pools.codes8(), pools.scales8(), pools.codes4(), pools.scales4(), out, softmax, config.heads(),
                config.kvHeads(), config.headDim());
    }

    private void attendSplits(TaskSink sink, String id, Launch launch, FloatArray query) {
        sink.task(id, launch, SplitAttentionKernels::attendSplits, context, control, pools.table(), query, pools.keys(), pools.values(),
                pools.halves(), pools.decode(), pools.codes8(), pools.scales8(), pools.codes4(), pools.scales4(), buffers.splits(),
                config.heads(), config.kvHeads(), config.headDim());
    }

    private void join(TaskSink sink, String id, Launch launch, FloatArray out, FloatArray softmax) {
        sink.task(id, launch, SplitAttentionKernels::joinSplits, control, buffers.splits(), out, softmax, config.heads(),
                config.headDim());
    }
}
