package io.chunkwise.schedule;

import io.chunkwise.chunking.AdaptiveChunker;
import io.chunkwise.chunking.Chunk;
import io.chunkwise.complexity.ComplexityEstimator;
import io.chunkwise.crossfade.GainSchedule;
import io.chunkwise.kv.KvPlanner;
import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.PassResult;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.policy.SignalKind;
import io.chunkwise.selection.RankBudget;
import io.chunkwise.selection.RungSelector;
import io.chunkwise.selection.Selection;
import io.chunkwise.trace.SequenceTrace;
import io.chunkwise.trace.TokenTrace;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Reads and writes one sequence at a time through one executor. Every row's gains are decided before it runs, from what is known by then:
 * signals → score → band → chunk → rung → cross-fade. At the end of a chunk the KV policy is applied; where the context is full and the
 * policy is endless, the cache is shifted.
 *
 * <p>The same tokens get the same chunks, rungs, gains and KV formats whether they are read at once, in pieces, or written one by one. To
 * that end prefill passes end at multiples of the policy's lag where a signal is a statistic of the model, and at chunk boundaries where
 * the KV policy is not {@link KvPolicy.Full}.
 *
 * <p>Memory does not grow with the sequence, unless a trace is kept.
 */
public final class ChunkScheduler {
    /** Logits of one pass at most: 64 MiB of floats. */
    private static final int LARGEST_OUTPUT = 1 << 24;
    private static final float[] NO_HISTORY = {};

    private final ForwardExecutor executor;
    private final Setup setup;
    private final ChunkPolicy policy;
    private final ScoringBenefits benefits;
    private final Optional<ComplexityEstimator> estimator;
    private final boolean statistics; // whether passes have to return them
    private final AdaptiveChunker chunker;
    private final RankBudget budget;
    private final GainSchedule gains;
    private final KvPlanner planner;
    private final KvLedger ledger;
    private final Optional<TraceRecorder> recorder;

    private final int[] rowTokens; // [rowCapacity] decided, not run
    private float[] rowGains; // [rowCapacity, groups]
    private int pending; // rows in them
    private int tokens; // decided so far
    private int dropped; // tokens behind the first page that the cache has no positions for any more
    private int use; // index of the adapter in use
    private Selection selection; // of the open chunk
    private double score;
    private double componentSum;
    private boolean finished;

    /**
     * @param config      of the model that the executor runs
     * @param weightBytes of the model, for the trace
     * @param adapters    ascending in {@link AdapterUse#fromToken()}, the first from token 0 on; their selectors are of {@code policy}
     * @param keepTrace   whether {@link #trace} will be asked for
     */
    public record Setup(LlamaConfig config, long weightBytes, ChunkPolicy policy, KvPolicy kv, List<AdapterUse> adapters,
            boolean keepTrace) {
        public Setup {
            adapters = List.copyOf(adapters);
            if (adapters.isEmpty() || adapters.getFirst().fromToken() != 0) {
                throw new IllegalArgumentException("no adapter, nor the base, is in use from token 0 on");
            }
            for (int i = 1; i < adapters.size(); i++) {
                if (adapters.get(i).fromToken() <= adapters.get(i - 1).fromToken()) {
                    throw new IllegalArgumentException("two adapters from token " + adapters.get(i).fromToken()
                            + " on, expected ascending positions");
                }
            }
        }

        /** One adapter, or the base, for all tokens. */
        public Setup(LlamaConfig config, ChunkPolicy policy, KvPolicy kv, RungSelector selector) {
            this(config, 0, policy, kv, List.of(new AdapterUse(0, selector)), false);
        }
    }

    /**
     * Makes room for all adapters in the executor, and attaches the first one.
     *
     * @param executor owned by the caller; nobody else runs passes on it meanwhile
     * @throws IllegalArgumentException if a window of the KV policy does not fit the executor's context, or an adapter the model
     */
    public ChunkScheduler(ForwardExecutor executor, Setup setup) {
        if (setup.kv() instanceof KvPolicy.Window(int windowTokens)) {
            int least = windowTokens + (KvBounds.SINK_PAGES + 1) * KvPage.TOKENS;
            if (least > executor.contextLength()) {
                throw new IllegalArgumentException("a KV window of " + windowTokens + " tokens takes a context of " + least
                        + " or more, not " + executor.contextLength());
            }
        }
        this.executor = executor;
        this.setup = setup;
        policy = setup.policy();
        benefits = new ScoringBenefits(policy, setup.adapters(), setup.config().vocabSize());
        estimator = policy.estimates() ? Optional.of(new ComplexityEstimator(policy.estimation())) : Optional.empty();
        // Where benefits make every score, the weighted signals are for people who look at a trace.
        statistics = policy.needsModelStatistics() && (setup.keepTrace() || !benefits.areAll());
        chunker = new AdaptiveChunker(policy);
        budget = new RankBudget(policy.budget(), policy.fadeTokens());
        gains = new GainSchedule(policy.fadeTokens());
        planner = new KvPlanner(setup.kv(), setup.config().layers(), executor.contextLength());
        ledger = new KvLedger(executor.kv(), setup.config());
        recorder = setup.keepTrace() ? Optional.of(new TraceRecorder(setup.config().layers(), policy.bands())) : Optional.empty();
        rowTokens = new int[executor.rowCapacity()];
        executor.reserve(setup.adapters().stream().flatMap(adapter -> adapter.selector().adapter().stream()).distinct().toList());
        attach(0);
        reset();
    }

    /** What it was set up with. */
    public Setup setup() {
        return setup;
    }

    /** Starts a new sequence. */
    public void reset() {
        if (use != 0) {
            attach(0);
        }
        estimator.ifPresent(ComplexityEstimator::reset);
        chunker.reset();
        scoreBy(benefits.of(0));
        budget.reset();
        planner.reset();
        ledger.reset();
        recorder.ifPresent(TraceRecorder::reset);
        pending = 0;
        tokens = 0;
        dropped = 0;
        score = Double.NaN;
        componentSum = 0;
        finished = false;
    }

    /** Tokens of the sequence so far. */
    public int tokens() {
        return tokens;
    }

    /** Tokens that there is still room for; as many as an int can count for an endless policy. */
    public int room() {
        return (setup.kv().endless() ? Integer.MAX_VALUE : executor.contextLength()) - tokens;
    }

    /**
     * Reads tokens that are given, in as few passes as the policy allows.
     *
     * @param given   at least one, at most {@link #room()}
     * @param request of the last token, or logits of all tokens
     * @return of the last pass
     * @throws IllegalArgumentException if there are no tokens, or there is no room for them
     */
    public PassOutput read(int[] given, OutputRequest request, PassListener listener) {
        requireOpen(given.length);
        if (given.length == 0) {
            throw new IllegalArgumentException("no tokens to read");
        }
        OutputRequest between = request instanceof OutputRequest.AllLogits ? request : new OutputRequest.Nothing();
        int capacity = request instanceof OutputRequest.AllLogits
                ? Math.clamp(LARGEST_OUTPUT / setup.config().vocabSize(), 1, rowTokens.length) : rowTokens.length;
        int first = tokens;
        Flush flush = () -> {
            int rows = pending;
            listener.onPass(tokens - rows - first, rows, runPending(between));
        };
        for (int token : given) {
            decide(token, false, capacity, flush);
        }
        int rows = pending;
        PassOutput output = runPending(request);
        listener.onPass(given.length - rows, rows, output);
        return output;
    }

    /**
     * Decides on a token that the model wrote, and runs nothing yet, so that whoever prints it knows its chunk. {@link #run} has to follow
     * before the next token, not after the last one.
     *
     * @throws IllegalArgumentException if there is no room for it
     */
    public Decision decide(int token) {
        requireOpen(1);
        decide(token, true, rowTokens.length, () -> {
            throw new AssertionError("rows are pending in decode");
        });
        return new Decision(tokens - 1, token, chunker.atStart(), chunker.band(), selection.rung(), gains.components(), selection.scale(),
                setup.adapters().get(use).selector().name());
    }

    /** Runs the token of {@link #decide}. */
    public PassOutput run(OutputRequest request) {
        if (pending == 0) {
            throw new IllegalStateException("no token is decided that has not run");
        }
        return runPending(request);
    }

    /** Ends the sequence: closes its last chunk. Nothing but {@link #reset}, {@link #cost} and {@link #trace} comes after it. */
    public void finish() {
        if (!finished) {
            chunker.end().ifPresent(this::record);
            finished = true;
        }
    }

    /** What the sequence has taken so far. */
    public SequenceCost cost() {
        return new SequenceCost(tokens, tokens == 0 ? 0 : componentSum / tokens, ledger.bytes(), ledger.peak(), ledger.full(tokens));
    }

    /**
     * Everything that was decided about the sequence; complete after {@link #finish}.
     *
     * @throws IllegalStateException if no trace is kept
     */
    public SequenceTrace trace() {
        TraceRecorder kept = recorder.orElseThrow(() -> new IllegalStateException("no trace is kept"));
        long adapterBytes = setup.adapters().stream().flatMap(adapter -> adapter.selector().adapter().stream()).distinct()
                .flatMap(adapter -> adapter.sites().values().stream())
                .mapToLong(pair -> (long) Float.BYTES * (pair.down().length + pair.up().length)).sum();
        return kept.trace(executor.kv(), planner, dropped, new SequenceTrace.Memory(
                ledger.bytes(), ledger.full(tokens), ledger.peak(), adapterBytes, setup.weightBytes()));
    }

    /** Runs the pending rows before one more can be decided. */
    @FunctionalInterface
    private interface Flush {
        void run();
    }

    /** Adds a row to the pending ones, with its gains. What it does in which order is what a row may know. */
    private void decide(int token, boolean generated, int capacity, Flush flush) {
        boolean switches = use + 1 < setup.adapters().size() && setup.adapters().get(use + 1).fromToken() == tokens;
        boolean blockEnded = statistics && tokens % policy.estimation().lagTokens() == 0;
        boolean contextFull = tokens - dropped == executor.contextLength();
        if (pending > 0 && (pending == capacity || switches || blockEnded || contextFull)) {
            flush.run();
        }
        Optional<Chunk> ended = switches ? chunker.end() : Optional.empty();
        if (switches && (benefits.of(use).isPresent() || benefits.of(use + 1).isPresent())) {
            scoreBy(benefits.of(use + 1));
        }
        if (estimator.isPresent()) {
            score = estimator.get().score(tokens, token);
        }
        Optional<Chunk> endedByLengthOrBand = chunker.accept(score);
        ended = ended.or(() -> endedByLengthOrBand);
        if (ended.isPresent()) {
            end(ended.get(), flush);
        }
        if (contextFull) {
            makeRoom();
        }
        if (switches) {
            attach(use + 1);
        }
        if (chunker.atStart()) {
            begin(tokens == 0 || switches);
        }
        append(token, generated);
    }

    private void end(Chunk chunk, Flush flush) {
        record(chunk);
        if (!(setup.kv() instanceof KvPolicy.Full)) {
            if (pending > 0) {
                flush.run();
            }
            planner.plan(executor.kv());
            look();
        }
    }

    private void record(Chunk chunk) {
        recorder.ifPresent(kept -> kept.chunk(chunk, selection, setup.adapters().get(use).selector().name()));
    }

    private void makeRoom() {
        int moved = planner.makeRoom(executor.kv());
        if (moved == 0) {
            throw new IllegalStateException("the context of " + executor.contextLength() + " tokens is full");
        }
        dropped += moved;
        look();
    }

    /** @param hard nothing to fade from: the sequence begins, or another adapter, whose components are others */
    private void begin(boolean hard) {
        Band band = policy.bands().get(chunker.band());
        RungSelector selector = setup.adapters().get(use).selector();
        selection = budget.choose(selector, chunker.band(), gains.components(), !hard, band.maxTokens());
        if (hard) {
            gains.begin(selection.gains(), selection.components());
        } else {
            gains.fadeTo(selection.gains(), selection.components());
        }
    }

    private void append(int token, boolean generated) {
        planner.cover(tokens - dropped, policy.bands().get(chunker.band()));
        rowTokens[pending] = token;
        gains.next(rowGains, pending * selection.gains().length);
        budget.spend(gains.components());
        componentSum += gains.components();
        if (recorder.isPresent()) {
            recorder.get().token(new TokenTrace(tokens, token, generated, signal(SignalKind.ENTROPY), signal(SignalKind.NGRAM),
                    signal(SignalKind.ATTENTION), signal(SignalKind.PRIOR), signal(SignalKind.BENEFIT), (float) score,
                    (float) gains.components()));
        }
        pending++;
        tokens++;
    }

    private float signal(SignalKind kind) {
        return estimator.isPresent() ? estimator.get().value(kind) : Float.NaN;
    }

    private PassOutput runPending(OutputRequest request) {
        int groups = selection.gains().length;
        TokenBatch batch = new TokenBatch(Arrays.copyOf(rowTokens, pending), tokens - pending - dropped, groups,
                Arrays.copyOf(rowGains, pending * groups));
        Statistics asked = !statistics ? Statistics.NONE : pending == 1 ? Statistics.LAST_ROW : Statistics.ALL_ROWS;
        PassResult result = executor.run(batch, request, asked);
        if (statistics) {
            if (result.statistics().rows() != pending) {
                throw new IllegalStateException("executor " + executor.name() + " returned statistics of " + result.statistics().rows()
                        + " rows, expected " + pending);
            }
            estimator.orElseThrow().observe(result.statistics());
        }
        pending = 0;
        look();
        return result.output();
    }

    /** Notes the bytes of the cache, before and after they are reduced. */
    private void look() {
        ledger.look();
        recorder.ifPresent(kept -> kept.kv(ledger.state(tokens - pending)));
    }

    /** Scores of benefits are compared with the calibration's at first, others with nothing. */
    private void scoreBy(Optional<TokenBenefit> benefit) {
        estimator.ifPresent(used -> {
            used.use(benefit);
            chunker.compareWith(benefit.map(TokenBenefit::history).orElse(NO_HISTORY));
        });
    }

    private void attach(int next) {
        Optional<Adapter> adapter = setup.adapters().get(next).selector().adapter();
        executor.attach(adapter);
        rowGains = new float[rowTokens.length * adapter.map(Adapter::groups).orElse(0)];
        use = next;
    }

    private void requireOpen(int more) {
        if (finished || pending > 0) {
            throw new IllegalStateException(finished ? "the sequence is finished" : "the token decided last has not run");
        }
        if (more > room()) {
            throw new IllegalArgumentException("no room for " + more + " more tokens: the context of " + executor.contextLength()
                    + " holds " + tokens);
        }
    }
}
