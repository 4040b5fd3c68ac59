package io.chunkwise.evaluate.batch;

import io.chunkwise.evaluate.Evaluation;
import io.chunkwise.evaluate.Fingerprint;
import io.chunkwise.evaluate.Item;
import io.chunkwise.generate.ChunkwiseGenerator;
import io.chunkwise.generate.GenerationListener;
import io.chunkwise.generate.GenerationRequest;
import io.chunkwise.generate.GenerationResult;
import io.chunkwise.generate.SamplingOptions;
import io.chunkwise.model.tokenizer.Tokenizer;
import io.chunkwise.schedule.ChunkScheduler;
import java.util.List;
import java.util.Locale;

/** Continues prompts, each afresh. */
public final class BatchGeneration implements Evaluation<Prompt, BatchRow> {
    private static final int SEED_DIGITS = 8; // hexadecimal: as long as the seeds that are made up elsewhere

    private final List<Item<Prompt>> prompts;
    private final GenerationRequest request;
    private final ChunkScheduler scheduler;
    private final Tokenizer tokenizer;

    /**
     * @param request   of prompts that say nothing else. Its seed makes those of prompts that have none, with their ids: no two prompts are
     *                  alike by chance, and the order in which they come does not matter
     * @param scheduler of the model's executor; owned by the caller, reset by every prompt
     */
    public BatchGeneration(List<Item<Prompt>> prompts, GenerationRequest request, ChunkScheduler scheduler, Tokenizer tokenizer) {
        this.prompts = List.copyOf(prompts);
        this.request = request;
        this.scheduler = scheduler;
        this.tokenizer = tokenizer;
    }

    @Override
    public List<Item<Prompt>> items() {
        return prompts;
    }

    /** A prompt that is empty, or longer than the context, has a row that says so: the others of a long list are worth having. */
    @Override
    public BatchRow evaluate(Item<Prompt> item) {
        GenerationRequest own = request(item);
        long seed = own.sampling().seed();
        int[] prompt = tokenizer.encode(item.content().text(), true);
        scheduler.reset();
        if (prompt.length == 0) {
            return BatchRow.failed(0, seed, "the prompt has no tokens, and this model has no begin-of-text token to start from");
        }
        if (prompt.length > scheduler.room()) {
            return BatchRow.failed(prompt.length, seed, "the prompt has " + prompt.length + " tokens, but the context has room for "
                    + scheduler.room());
        }
        long start = System.nanoTime();
        GenerationResult result = new ChunkwiseGenerator(scheduler, tokenizer).generate(prompt, own, GenerationListener.NONE);
        double millis = (System.nanoTime() - start) * 1e-6;
        return new BatchRow(result.text(), result.stopReason().name().toLowerCase(Locale.ROOT), prompt.length, result.tokens().length, seed,
                scheduler.cost().meanComponents(), scheduler.cost().kvBytesPeak(), millis, null);
    }

    private GenerationRequest request(Item<Prompt> item) {
        Prompt prompt = item.content();
        SamplingOptions common = request.sampling();
        long seed = prompt.seed().orElseGet(() -> Long.parseLong(
                Fingerprint.ofTexts(List.of(Long.toString(common.seed()), item.id())).substring(0, SEED_DIGITS), 16));
        return new GenerationRequest(prompt.maxTokens().orElse(request.maxTokens()), prompt.stop().orElse(request.stopStrings()),
                request.ignoreEnd(), new SamplingOptions(prompt.temperature().orElse(common.temperature()), common.topK(), common.topP(),
                        common.minP(), common.repetitionPenalty(), common.penaltyWindow(), seed));
    }
}
