package io.chunkwise.model.cpu;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.LlamaForward;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.LlamaWeights;
import io.chunkwise.model.llama.RotaryTable;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Acts on each op of {@link LlamaForward} when it meets it, on a team of threads. */
final class CpuForwardExecutor implements ForwardExecutor {
    private final DeviceInfo device;
    private final LlamaConfig config;
    private final LlamaWeights weights;
    private final int contextLength;
    private final int rowCapacity;
    private final List<LayerOp> embedding;
    private final List<LayerOp> layer;
    private final List<LayerOp> head;
    private final WorkerTeam team;
    private final KvCache cache;
    private final Map<Activation, float[]> buffers = new EnumMap<>(Activation.class); // [rows, width], grown to the longest pass
    private final Map<WeightRole, float[][]> vectors = new EnumMap<>(WeightRole.class); // [layer][width]: norms and biases as floats
    private final float[][] scores; // per worker
    private final Map<AdapterSite, AttachedPair> pairs = new HashMap<>();
    private Optional<Adapter> attached = Optional.empty();
    private RotaryTable rotary;
    private int filled; // positions in the cache

    // Of the pass that is running.
    private TokenBatch batch;
    private int rows;

    CpuForwardExecutor(LlamaModel model, ExecutorOptions options, DeviceInfo device) {
        this.device = device;
        config = model.config();
        weights = model.weights();
        contextLength = options.contextLength();
        rowCapacity = Math.min(options.rowCapacity(), contextLength);
        int widest = Math.max(Math.max(config.hiddenSize(), config.ffnSize()), config.queryDim());
        if ((long) rowCapacity * widest > Integer.MAX_VALUE - 64) {
            throw new ExecutorException("row capacity " + rowCapacity + " needs buffers that are too large; use "
                    + (Integer.MAX_VALUE - 64) / widest + " at most");
        }
        LlamaForward forward = new LlamaForward(config);
        embedding = forward.embedding();
        layer = forward.layer();
        head = forward.head();
        for (WeightRole role : WeightRole.values()) {
            if (role.isPresent(config) && role.shape(config).size() == 1) {
                vectors.put(role, decodePerLayer(role));
            }
        }
        cache = new KvCache(config, contextLength, 16);
        rotary = new RotaryTable(config, Math.min(contextLength, 512));
        team = new WorkerTeam(options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads());
        scores = new float[team.size()][0];
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
        return contextLength;
    }

    @Override
    public int rowCapacity() {
        return rowCapacity;
    }

    @Override
    public void attach(Optional<Adapter> adapter) {
        adapter.map(candidate -> candidate.mismatches(config)).filter(lines -> !lines.isEmpty()).ifPresent(lines -> {
            throw new IllegalArgumentException("adapter '" + adapter.get().name() + "' does not fit the model at " + lines.size()
                    + " sites, the first: " + lines.getFirst());
        });
        attached = adapter;
        pairs.clear();
        adapter.ifPresent(fitting -> fitting.sites().forEach((site, pair) -> pairs.put(site, AttachedPair.of(pair))));
    }

    @Override
    public PassOutput run(TokenBatch batch, OutputRequest request) {
        check(batch);
        this.batch = batch;
        rows = batch.rows();
        int end = batch.position() + rows;
        filled = batch.position();
        reserve(end);
        runAll(embedding, 0);
        for (int i = 0; i < config.layers(); i++) {
            runAll(layer, i);
        }
        filled = end;
        return switch (request) {
            case OutputRequest.Nothing() -> new PassOutput.Nothing();
            case OutputRequest.LastLogits() -> {
                keepLastRow(Activation.RESIDUAL);
                yield new PassOutput.Logits(1, logits());
            }
            case OutputRequest.AllLogits() -> new PassOutput.Logits(rows, logits());
            case OutputRequest.LastTop(int count) -> {
                keepLastRow(Activation.RESIDUAL);
                yield top(logits(), Math.min(count, config.vocabSize()));
            }
        };
    }

    private void check(TokenBatch batch) {
        if (batch.rows() > rowCapacity) {
            throw new IllegalArgumentException("the pass has " + batch.rows() + " rows, the executor takes " + rowCapacity + " at a time");
        }
        if (batch.position() > contextLength - batch.rows()) {
            throw new IllegalArgumentException("the pass ends at position " + ((long) batch.position() + batch.rows())
                    + ", the KV cache holds " + contextLength);
        }
        if (batch.position() > filled) {
            throw new IllegalArgumentException("the pass starts at position " + batch.position() + ", but the KV cache is filled to "
                    + filled + " only");
        }
        for (int token : batch.tokens()) {
            if (token < 0 || token >= config.vocabSize()) {
                throw new IllegalArgumentException("token " + token + " is outside the vocabulary of " + config.vocabSize());
            }
        }
        int groups = attached.map(Adapter::groups).orElse(0);
        if (batch.groups() != groups) {
            throw new IllegalArgumentException("the pass has gains for " + batch.groups() + " component groups, "
                    + attached.map(adapter -> "adapter '" + adapter.name() + "' has " + groups).orElse("but no adapter is attached"));
        }
    }

    private void reserve(int end) {
        cache.reserve(end);
        if (rotary.positions() < end) {
            rotary = new RotaryTable(config, (int) Math.min(contextLength, Math.max(end, 2L * rotary.positions())));
        }
        for (Activation activation : Activation.values()) {
            int needed = activation == Activation.LOGITS ? 0 : rows * activation.width(config);
            if (buffers.getOrDefault(activation, new float[0]).length < needed) {
                buffers.put(activation, new float[needed]);
            }
        }
        for (int worker = 0; worker < scores.length; worker++) {
            if (scores[worker].length < end) {
                scores[worker] = new float[(int) Math.min(contextLength, Math.max(end, 2L * scores[worker].length))];
            }
        }
    }

    private void runAll(List<LayerOp> ops, int layer) {
        for (LayerOp op : ops) {
            run(op, layer);
        }
    }

    private void run(LayerOp op, int layer) {
        switch (op) {
            case LayerOp.Embed(var out) -> embed(buffers.get(out));
            case LayerOp.RmsNorm(var in, var gain, var out) -> {
                float[] from = buffers.get(in);
                float[] to = buffers.get(out);
                float[] gains = vector(gain, layer);
                team.share(rows, 1, (_, first, end) -> NormKernels.normalize(from, gains, to, first, end, gains.length, config.normEpsilon()));
            }
            case LayerOp.Project(var in, var weight, var out, var accumulate) ->
                project(buffers.get(in), weights.get(weight, layer), buffers.get(out), accumulate);
            case LayerOp.AddBias(var bias, var out) -> NormKernels.addBias(vector(bias, layer), buffers.get(out), rows);
            case LayerOp.AddLowRank(var in, var site, var out) -> {
                AttachedPair pair = pairs.get(new AdapterSite(layer, site));
                if (pair != null) {
                    addLowRank(buffers.get(in), pair, buffers.get(out));
                }
            }
            case LayerOp.Rotate(var queryOrKey) -> RotaryKernels.turn(buffers.get(queryOrKey), rotary, config.rotaryPairing(),
                    batch.position(), rows, queryOrKey.width(config) / config.headDim(), config.headDim());
            case LayerOp.AppendKv(var key, var value) -> cache.append(layer, batch.position(), rows, buffers.get(key), buffers.get(value));
            case LayerOp.Attend(var query, var out) -> attend(buffers.get(query), buffers.get(out), layer);
            case LayerOp.SwiGlu(var gate, var up) -> {
                float[] gated = buffers.get(gate);
                float[] factor = buffers.get(up);
                team.share(rows * config.ffnSize(), 4096, (_, from, to) -> ActivationKernels.swiGlu(gated, factor, from, to));
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
            BlockCodec.decode(table.type(), table.data(), (long) batch.tokens()[row] * width, out, row * width, width);
        }
    }

    private void project(float[] in, TensorView weight, float[] out, boolean accumulate) {
        team.share(weight.rows(), 32, (_, from, to) -> ProjectionKernels.project(weight, in, out, accumulate, rows, from, to));
    }

    private void addLowRank(float[] in, AttachedPair pair, float[] out) {
        int activeGroups = batch.activeGroups();
        if (pair.activeRank(activeGroups) == 0) {
            return;
        }
        float[] hidden = new float[rows * pair.rank()];
        float[] gains = new float[rows * pair.rank()];
        for (int row = 0; row < rows; row++) {
            for (int group = 0, k = 0; group < batch.groups(); group++) {
                for (; k < pair.groupEnd()[group]; k++) {
                    gains[row * pair.rank() + k] = batch.gain()[row * batch.groups() + group];
                }
            }
        }
        team.share(pair.rank(), 8, (_, from, to) ->
                LowRankKernels.projectDown(pair.down(), in, gains, hidden, rows, pair.inputs(), pair.rank(), from, to));
        team.share(pair.outputs(), 64, (_, from, to) ->
                LowRankKernels.addUp(pair.up(), hidden, out, rows, pair.outputs(), pair.rank(), from, to));
    }

    private void attend(float[] query, float[] out, int layer) {
        int heads = config.heads();
        int group = heads / config.kvHeads();
        // Items are heads x rows, rows fastest: neighbours read the same keys.
        team.share(heads * rows, 1, (worker, from, to) -> {
            for (int item = from; item < to; item++) {
                int head = item / rows;
                int row = item % rows;
                int end = batch.position() + row + 1;
                int first = config.slidingWindow() == 0 ? 0 : Math.max(0, end - config.slidingWindow());
                AttentionKernels.attend(cache, layer, head / group, query, out, (row * heads + head) * config.headDim(), config.headDim(),
                        first, end, scores[worker]);
            }
        });
    }

    /** The last row becomes the only one. */
    private void keepLastRow(Activation activation) {
        float[] buffer = buffers.get(activation);
        int width = activation.width(config);
        System.arraycopy(buffer, (rows - 1) * width, buffer, 0, width);
        rows = 1;
    }

    /** Runs the head over the rows that are left. */
    private float[] logits() {
        if ((long) rows * config.vocabSize() > Integer.MAX_VALUE - 64) {
            throw new IllegalArgumentException("the logits of " + rows + " rows are too many for one array; ask for "
                    + (Integer.MAX_VALUE - 64) / config.vocabSize() + " rows at most");
        }
        float[] logits = new float[rows * config.vocabSize()];
        buffers.put(Activation.LOGITS, logits);
        runAll(head, 0);
        buffers.remove(Activation.LOGITS);
        return logits;
    }

    private PassOutput.Top top(float[] logits, int count) {
        TopLogits[] partial = new TopLogits[team.size()];
        team.share(logits.length, 8192, (worker, from, to) -> {
            if (partial[worker] == null) {
                partial[worker] = new TopLogits(count);
            }
            partial[worker].offer(logits, from, to);
        });
        TopLogits all = new TopLogits(count);
        for (TopLogits some : partial) {
            if (some != null) {
                all.merge(some);
            }
        }
        return all.result();
    }

    /** Ends the threads. The model stays open. */
    @Override
    public void close() {
        team.close();
    }
}
