package io.chunkwise.generate;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.LargestLogits;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import java.util.ArrayList;
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
    public PassOutput run(TokenBatch batch, OutputRequest request) {
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
    public void attach(Optional<Adapter> adapter) {
        // gains are checked by the tests
    }

    @Override
    public void close() {
        // nothing is held
    }
}
