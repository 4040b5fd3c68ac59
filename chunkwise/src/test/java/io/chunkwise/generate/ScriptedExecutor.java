package io.chunkwise.generate;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.LargestLogits;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.PassResult;
import io.chunkwise.model.forward.RowStatistics;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvPages;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** An executor whose "model" is a table: after token t at position p come the logits that the test says. Remembers its passes. */
public final class ScriptedExecutor implements ForwardExecutor {
    private final int vocabSize;
    private final int contextLength;
    private final int rowCapacity;
    private final Model model;
    private final List<Pass> passes = new ArrayList<>();

    /** Logits after a token at a position. */
    @FunctionalInterface
    public interface Model {
        float[] logits(int token, int position);
    }

    /** A pass that was run. */
    public record Pass(int[] tokens, int position, float[] gain, OutputRequest request) {
    }

    public ScriptedExecutor(int vocabSize, int contextLength, int rowCapacity, Model model) {
        this.vocabSize = vocabSize;
        this.contextLength = contextLength;
        this.rowCapacity = rowCapacity;
        this.model = model;
    }

    /** Token n is always followed by n + 1, the last by the first. */
    public static ScriptedExecutor counting(int vocabSize, int contextLength, int rowCapacity) {
        return new ScriptedExecutor(vocabSize, contextLength, rowCapacity, (token, position) -> {
            float[] logits = new float[vocabSize];
            logits[(token + 1) % vocabSize] = 50;
            return logits;
        });
    }

    public List<Pass> passes() {
        return passes;
    }

    @Override
    public PassResult run(TokenBatch batch, OutputRequest request, Statistics statistics) {
        int first = switch (statistics) {
            case NONE -> batch.rows();
            case LAST_ROW -> batch.rows() - 1;
            case ALL_ROWS -> 0;
        };
        float[] entropy = new float[batch.rows() - first];
        for (int i = 0; i < entropy.length; i++) {
            entropy[i] = entropy(model.logits(batch.tokens()[first + i], batch.position() + first + i));
        }
        return new PassResult(output(batch, request), new RowStatistics(entropy, new float[entropy.length]));
    }

    private float entropy(float[] logits) {
        double sum = 0;
        double weighted = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - 50);
            weighted += Math.exp(logit - 50) * (logit - 50);
        }
        return (float) ((Math.log(sum) - weighted / sum) / Math.log(vocabSize));
    }

    private PassOutput output(TokenBatch batch, OutputRequest request) {
        if (batch.rows() > rowCapacity || batch.position() + batch.rows() > contextLength) {
            throw new IllegalArgumentException(batch + " does not fit");
        }
        passes.add(new Pass(batch.tokens(), batch.position(), batch.gain(), request));
        int last = batch.rows() - 1;
        float[] lastLogits = model.logits(batch.tokens()[last], batch.position() + last);
        return switch (request) {
            case OutputRequest.Nothing() -> new PassOutput.Nothing();
            case OutputRequest.LastLogits() -> new PassOutput.Logits(1, lastLogits);
            case OutputRequest.LastTop(int count) -> {
                int[] ids = LargestLogits.ids(lastLogits, 0, vocabSize, count);
                float[] logits = new float[ids.length];
                for (int i = 0; i < ids.length; i++) {
                    logits[i] = lastLogits[ids[i]];
                }
                yield new PassOutput.Top(ids, logits);
            }
            case OutputRequest.AllLogits() -> {
                float[] all = new float[batch.rows() * vocabSize];
                for (int row = 0; row < batch.rows(); row++) {
                    System.arraycopy(model.logits(batch.tokens()[row], batch.position() + row), 0, all, row * vocabSize, vocabSize);
                }
                yield new PassOutput.Logits(batch.rows(), all);
            }
        };
    }

    @Override
    public String name() {
        return "scripted";
    }

    @Override
    public DeviceInfo device() {
        return new DeviceInfo("cpu", 0, "script", DeviceInfo.Type.CPU, 0, "none");
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
    public void reserve(Collection<Adapter> adapters) {
        // nothing is compiled
    }

    @Override
    public KvPages kv() {
        throw new UnsupportedOperationException("pages of the KV cache");
    }

    @Override
    public void attach(Optional<Adapter> adapter) {
        // gains are checked by the tests
    }

    @Override
    public void close() {
        // nothing is held
    }
}
