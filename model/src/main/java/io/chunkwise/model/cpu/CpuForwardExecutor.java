package io.chunkwise.model.cpu;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorCounters;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.LargestLogits;
import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.LlamaForward;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassLimits;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.PassResult;
import io.chunkwise.model.forward.RowStatistics;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.kv.KvPages;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.LlamaWeights;
import io.chunkwise.model.llama.RotaryTable;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Acts on each op of {@link LlamaForward} when it meets it, on a team of threads. */
final class CpuForwardExecutor implements ForwardExecutor {
    private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 1024; // with room for padding

    private static final int LARGEST_PIECE = 1 << 22; // logits computed at a time when few of them are wanted

    private final DeviceInfo device;
    private final LlamaConfig config;
    private final LlamaWeights weights;
    private final PassLimits limits;
    private final List<Step> embedding;
    private final List<Step> layer;
    private final List<Step> head;
    private final WorkerTeam team;
    private final KvCache cache;
    private final KvProbes probes;
    private final CpuKvPages kv;
    private final int probeLayer;
    private final Map<Activation, float[]> buffers = new EnumMap<>(Activation.class); // [rows, width], grown to the longest pass
    private final Map<WeightRole, TensorView[]> matrices = new EnumMap<>(WeightRole.class); // [layer]
    private final Optional<PackedModels.PackedModel> packed; // with integer activations
    private final Map<WeightRole, float[][]> vectors = new EnumMap<>(WeightRole.class); // [layer][width]: norms and biases as floats
    private final Scratch scratch;
    private final ProjectionStep projections;
    private final AdapterExecution adapterExecution;
    private final AttachedAdapters adapters;
    private RotaryTable rotary;
    private long peakBytes; // as seen whenever somebody asked
    private boolean closed;

    // Of the pass that is running.
    private TokenBatch batch;
    private Statistics statistics;
    private float[] attentionEntropy; // [batch rows, heads]; of those rows whose statistics are wanted
    private int rows; // in the buffers
    private int firstRow; // of the batch, in row 0 of the buffers

    /**
     * @param options      with float or integer activations, the latter not together with {@code plain}
     * @param plain        run projections without vectors: see {@link PlainKernels}
     * @param packedModels where weights for integer activations are shared
     */
    CpuForwardExecutor(LlamaModel model, ExecutorOptions options, DeviceInfo device, boolean plain, PackedModels packedModels) {
        this.device = device;
        config = model.config();
        weights = model.weights();
        int contextLength = options.contextLength();
        int rowCapacity = Math.min(options.rowCapacity(), contextLength);
        limits = new PassLimits(config.vocabSize(), contextLength, rowCapacity);
        int widest = Math.max(Math.max(config.hiddenSize(), config.ffnSize()), config.queryDim());
        if ((long) rowCapacity * widest > LARGEST_ARRAY) {
            throw new ExecutorException("row capacity " + rowCapacity + " needs buffers that are too large; use "
                    + LARGEST_ARRAY / widest + " at most");
        }
        LlamaForward forward = new LlamaForward(config, options.kv().quantizable());
        embedding = Step.plan(forward.embedding());
        layer = Step.plan(forward.layer());
        head = Step.plan(forward.head());
        for (WeightRole role : WeightRole.values()) {
            if (role.isPresent(config) && role.shape(config).size() == 1) {
                vectors.put(role, decodePerLayer(role));
            } else if (role != WeightRole.EMBEDDING && (role.isPresent(config) || role == WeightRole.OUTPUT)) { // embed() reads its rows
                TensorView[] views = new TensorView[role.isPerLayer() ? config.layers() : 1];
                Arrays.setAll(views, i -> unmapped(weights.get(role, i)));
                matrices.put(role, views);
            }
        }
        probeLayer = forward.probeLayer();
        cache = new KvCache(config, contextLength, options.kv().type());
        probes = new KvProbes(config.layers(), config.queryDim());
        rotary = new RotaryTable(config, Math.min(contextLength, 512));
        team = new WorkerTeam(options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads());
        scratch = new Scratch(team.size());
        projections = new ProjectionStep(team, scratch, plain, options.adapters().fused());
        adapterExecution = options.adapters();
        kv = new CpuKvPages(config, cache, probes, options.kv().quantizable(), team, scratch, () -> rotary);
        packed = options.activations() == ActivationFormat.INTEGER
                ? Optional.of(packedModels.acquire(model, matrices, team)) : Optional.empty();
        adapters = new AttachedAdapters(weights, adapterExecution, packed.isPresent(), team);
    }

    /**
     * The same bytes, of the class that memory of an arena has. Mapped segments have one of their own, and kernels that meet both are
     * compiled for either at every load.
     */
    private static TensorView unmapped(TensorView tensor) {
        MemorySegment data = tensor.data();
        return data.isNative() ? new TensorView(tensor.name(), tensor.type(), tensor.shape(), data.reinterpret(data.byteSize())) : tensor;
    }

    private float[][] decodePerLayer(WeightRole role) {
        float[][] decoded = new float[role.isPerLayer() ? config.layers() : 1][];
        for (int i = 0; i < decoded.length; i++) {
            decoded[i] = BlockCodec.decode(weights.get(role, i));
        }
        return decoded;
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public DeviceInfo device() {
        return device;
    }

    @Override
    public int contextLength() {
        return limits.contextLength();
    }

    @Override
    public int rowCapacity() {
        return limits.rowCapacity();
    }

    @Override
    public void attach(Optional<Adapter> adapter) {
        adapter.ifPresent(candidate -> candidate.requireFits(config));
        adapters.attach(adapter);
    }

    @Override
    public void reserve(Collection<Adapter> reserved) {
        reserved.forEach(adapter -> adapter.requireFits(config));
        adapters.reserve(reserved);
    }

    @Override
    public KvPages kv() {
        return kv;
    }

    @Override
    public TensorType componentType(TensorType base) {
        return adapterExecution.typeFor(base);
    }

    @Override
    public ActivationFormat activations() {
        return packed.isPresent() ? ActivationFormat.INTEGER : ActivationFormat.FLOAT;
    }

    @Override
    public ExecutorCounters counters() {
        long held = weightBytes() + kv.usage().allocatedBytes() + adapters.bytes()
                + buffers.values().stream().mapToLong(buffer -> 4L * buffer.length).sum();
        peakBytes = Math.max(peakBytes, held);
        return new ExecutorCounters(0, peakBytes, 0, 0, List.of());
    }

    /** Of those that passes read: copies in place of what they were made from. */
    private long weightBytes() {
        TensorView embedding = weights.get(WeightRole.EMBEDDING, 0); // embed() reads its rows as they are stored
        return packed.map(PackedModels.PackedModel::bytes).orElse(0L)
                + weights.all().stream().filter(tensor -> packed.isEmpty() || !tensor.type().isQuantized() || tensor.equals(embedding))
                        .mapToLong(tensor -> tensor.data().byteSize()).sum();
    }

    @Override
    public PassResult run(TokenBatch batch, OutputRequest request, Statistics statistics) {
        limits.check(batch, request, cache.filled(), adapters.attached());
        limits.checkRewind(batch, cache.table());
        this.batch = batch;
        this.statistics = statistics;
        rows = batch.rows();
        firstRow = 0;
        if (batch.position() < cache.filled()) {
            probes.clear();
        }
        reserve(batch.position(), batch.position() + rows);
        runAll(embedding, 0);
        for (int i = 0; i < config.layers() - 1; i++) {
            runAll(layer, i);
        }
        return runLastLayer(request);
    }

    /** Once the last layer has stored its keys and values, only the rows whose logits are wanted matter. */
    private PassResult runLastLayer(OutputRequest request) {
        int last = config.layers() - 1;
        for (Step step : layer) {
            run(step, last);
            if (step instanceof Step.Single(LayerOp.AppendKv _)) {
                cache.finish(batch.position() + batch.rows());
                probes.finish(batch.rows());
                if (request instanceof OutputRequest.Nothing && statistics == Statistics.NONE) {
                    return new PassResult(new PassOutput.Nothing(), RowStatistics.NONE);
                }
                if (!(request instanceof OutputRequest.AllLogits) && statistics != Statistics.ALL_ROWS) {
                    keepLastRow();
                }
            }
        }
        return runHead(request);
    }

    /** Runs the head over the rows that are left: all at once if their logits are wanted, else few enough at a time. */
    private PassResult runHead(OutputRequest request) {
        int vocab = config.vocabSize();
        int left = rows;
        int piece = request instanceof OutputRequest.AllLogits ? left : Math.clamp(LARGEST_PIECE / vocab, 1, left);
        int firstCounted = firstRowOfStatistics();
        float[] nextTokenEntropy = new float[batch.rows() - firstCounted];
        float[] logits = new float[piece * vocab];
        buffers.put(Activation.LOGITS, logits);
        for (int from = 0; from < left; from += piece) {
            rows = Math.min(piece, left - from);
            moveDown(Activation.RESIDUAL, from, rows);
            runAll(head, 0);
            int counted = firstCounted - firstRow - from; // the first row whose statistics are wanted, in this piece
            team.share(rows, 1, (_, first, to) -> {
                for (int row = Math.max(first, counted); row < to; row++) {
                    nextTokenEntropy[row - counted] = EntropyKernels.ofLogits(logits, row * vocab, vocab);
                }
            });
        }
        buffers.remove(Activation.LOGITS);
        return new PassResult(output(request, logits), new RowStatistics(nextTokenEntropy, meanOfHeads(firstCounted)));
    }

    /** @param logits [rows, vocab] and perhaps more */
    private PassOutput output(OutputRequest request, float[] logits) {
        int vocab = config.vocabSize();
        return switch (request) {
            case OutputRequest.Nothing() -> new PassOutput.Nothing();
            case OutputRequest.LastLogits() -> new PassOutput.Logits(1, lastOf(logits, vocab));
            case OutputRequest.AllLogits() -> new PassOutput.Logits(rows, logits);
            case OutputRequest.LastTop(int count) -> LargestLogits.top(lastOf(logits, vocab), count);
        };
    }

    private float[] lastOf(float[] logits, int vocab) {
        return logits.length == vocab ? logits : Arrays.copyOfRange(logits, (rows - 1) * vocab, rows * vocab);
    }

    /** Of the batch. */
    private int firstRowOfStatistics() {
        return switch (statistics) {
            case NONE -> batch.rows();
            case LAST_ROW -> batch.rows() - 1;
            case ALL_ROWS -> 0;
        };
    }

    private float[] meanOfHeads(int firstCounted) {
        int heads = config.heads();
        float[] means = new float[batch.rows() - firstCounted];
        for (int i = 0; i < means.length; i++) {
            double sum = 0;
            for (int head = 0; head < heads; head++) {
                sum += attentionEntropy[i * heads + head];
            }
            means[i] = (float) (sum / heads);
        }
        return means;
    }

    private void reserve(int position, int end) {
        cache.begin(position, end);
        attentionEntropy = new float[(rows - firstRowOfStatistics()) * config.heads()];
        if (rotary.positions() < end) {
            rotary = new RotaryTable(config, (int) Math.min(limits.contextLength(), Math.max(end, 2L * rotary.positions())));
        }
        for (Activation activation : Activation.values()) {
            int needed = activation == Activation.LOGITS ? 0 : rows * activation.width(config);
            if (buffers.getOrDefault(activation, new float[0]).length < needed) {
                buffers.put(activation, new float[needed]);
            }
        }
        int group = config.heads() / config.kvHeads();
        int queries = Math.max(group * QueryBlock.rowsTogether(group, rows), QueryBlock.rowsTogether(1, rows));
        scratch.reserve(AttentionKernels.scratchSize(queries, end, cache.shape()));
    }

    private void runAll(List<Step> steps, int layer) {
        for (Step step : steps) {
            run(step, layer);
        }
    }

    private void run(Step step, int layer) {
        switch (step) {
            case Step.Single(LayerOp op) -> run(op, layer);
            case Step.Projections(var in, var bases, var updates) -> project(in, bases, updates, layer);
        }
    }

    private void run(LayerOp op, int layer) {
        switch (op) {
            case LayerOp.Embed(var out) -> embed(buffers.get(out));
            case LayerOp.RmsNorm(var in, var gain, var out) -> {
                float[] from = buffers.get(in);
                float[] to = buffers.get(out);
                float[] gains = vector(gain, layer);
                team.share(rows, 4, (_, first, end) ->
                        NormKernels.normalize(from, gains, to, first, end, gains.length, config.normEpsilon()));
            }
            case LayerOp.Project project -> project(project.in(), List.of(project), List.of(), layer);
            case LayerOp.AddLowRank update -> project(update.in(), List.of(), List.of(update), layer);
            case LayerOp.AddBias(var bias, var out) -> NormKernels.addBias(vector(bias, layer), buffers.get(out), rows);
            case LayerOp.Rotate(var queryOrKey) -> {
                float[] turned = buffers.get(queryOrKey);
                int heads = queryOrKey.width(config) / config.headDim();
                team.share(rows, 4, (_, from, to) ->
                        RotaryKernels.turn(turned, rotary, config.rotaryPairing(), batch.position(), from, to, heads, config.headDim()));
            }
            case LayerOp.RotateByHadamard(var heads) -> {
                float[] rotated = buffers.get(heads);
                team.share(rows, 4, (_, from, to) -> HadamardKernels.multiply(rotated, from, to, heads.width(config), config.headDim()));
            }
            case LayerOp.AppendKv(var query, var key, var value) -> {
                probes.remember(layer, batch.position(), rows, buffers.get(query));
                float[] keys = buffers.get(key);
                float[] values = buffers.get(value);
                team.share(config.kvHeads(), rows < 4 ? config.kvHeads() : 1, (_, from, to) ->
                        cache.append(layer, batch.position(), rows, keys, values, from, to));
            }
            case LayerOp.Attend(var query, var out) -> attend(buffers.get(query), buffers.get(out), layer);
            case LayerOp.SwiGlu(var gate, var up) -> {
                float[] gated = buffers.get(gate);
                float[] factor = buffers.get(up);
                team.share(rows * config.ffnSize(), 1 << 14, (_, from, to) -> ActivationKernels.swiGlu(gated, factor, from, to));
            }
        }
    }

    private float[] vector(WeightRole role, int layer) {
        return vectors.get(role)[role.isPerLayer() ? layer : 0];
    }

    private void embed(float[] out) {
        TensorView table = weights.get(WeightRole.EMBEDDING, 0);
        int width = config.hiddenSize();
        for (int row = 0; row < rows; row++) {
            WeightDecoder.decode(table.type(), table.data(), (long) batch.tokens()[row] * width, out, row * width, width);
        }
    }

    private void project(Activation in, List<LayerOp.Project> bases, List<LayerOp.AddLowRank> updates, int layer) {
        List<ProjectionStep.Base> base = new ArrayList<>(bases.size());
        for (LayerOp.Project op : bases) {
            int i = op.weight().isPerLayer() ? layer : 0;
            PackedWeights copy = packed.map(copies -> copies.get(op.weight(), i)).orElse(null);
            base.add(new ProjectionStep.Base(matrices.get(op.weight())[i], copy, buffers.get(op.out()), op.accumulate()));
        }
        List<ProjectionStep.Update> active = new ArrayList<>(updates.size());
        int activeGroups = adapters.attached().isEmpty() ? 0 : batch.activeGroups();
        for (LayerOp.AddLowRank op : updates) {
            AttachedPair pair = activeGroups == 0 ? null : adapters.get(new AdapterSite(layer, op.site()));
            if (pair != null && pair.activeRank(activeGroups) > 0) {
                active.add(new ProjectionStep.Update(pair, buffers.get(op.out()), new float[rows * pair.rank()]));
            }
        }
        projections.run(buffers.get(in), in.width(config), rows, base, active, batch, firstRow);
    }

    private void attend(float[] query, float[] out, int layer) {
        int heads = config.heads();
        int group = heads / config.kvHeads();
        // Heads that share keys go together, unless workers would have nothing to do.
        int together = config.kvHeads() * rows < 2 * team.size() ? 1 : group;
        int firstCounted = layer == probeLayer ? firstRowOfStatistics() : batch.rows();
        StoredPage[] pages = cache.pages(layer);
        int rowsTogether = QueryBlock.rowsTogether(together, rows);
        int blocks = Math.ceilDiv(rows, rowsTogether);
        // Items are heads x blocks of rows, rows fastest: neighbours read the same keys.
        team.share(heads / together * blocks, 1, (worker, from, to) -> {
            for (int item = from; item < to; item++) {
                int head = item / blocks * together;
                int row = item % blocks * rowsTogether;
                int rowsHere = Math.min(rowsTogether, rows - row);
                QueryBlock block = new QueryBlock(head / group, together, rowsHere, config.headDim(),
                        (row * heads + head) * config.headDim(), heads * config.headDim(), batch.position() + firstRow + row + 1,
                        config.slidingWindow());
                int counted = firstRow + row - firstCounted; // row 0 of the block, among the rows whose statistics are wanted
                AttentionKernels.attend(pages, cache.shape(), block, query, out, attentionEntropy, counted * heads + head, heads, -counted,
                        scratch.of(worker));
            }
        });
    }

    /** The last row becomes the only one, in every buffer. */
    private void keepLastRow() {
        buffers.keySet().forEach(activation -> moveDown(activation, rows - 1, 1));
        firstRow += rows - 1;
        rows = 1;
    }

    /** Rows [from, from + count) of a buffer come to lie at its beginning. */
    private void moveDown(Activation activation, int from, int count) {
        int width = activation.width(config);
        System.arraycopy(buffers.get(activation), from * width, buffers.get(activation), 0, count * width);
    }

    /** Ends the threads and frees copies of adapters. The model stays open. */
    @Override
    public void close() {
        team.close();
        adapters.close();
        if (!closed) {
            closed = true;
            packed.ifPresent(PackedModels.PackedModel::close);
        }
    }
}
