package io.chunkwise.generate;

import io.chunkwise.generate.GenerationResult.StopReason;
import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.tokenizer.StreamingDecoder;
import io.chunkwise.model.tokenizer.Tokenizer;
import io.chunkwise.schedule.ChunkScheduler;
import java.util.stream.IntStream;

/** The generation loop: the prompt in passes of many rows, then one row per new token. */
public final class ChunkwiseGenerator {
    /** Enough of the prompt's end to hold a whole character in byte tokens, and some text before it. */
    private static final int PRIMING_TOKENS = 16;

    private final ChunkScheduler scheduler;
    private final LlamaConfig config;
    private final Tokenizer tokenizer;

    /** @param scheduler of the model's executor, with the adapters of all requests; owned by the caller, reset by every request */
    public ChunkwiseGenerator(ChunkScheduler scheduler, Tokenizer tokenizer) {
        this.scheduler = scheduler;
        this.tokenizer = tokenizer;
        config = scheduler.setup().config();
    }

    /**
     * Continues a prompt. The sequence is the scheduler's from then on: its cost and trace can be asked for.
     *
     * @param prompt ids, special ones included
     * @throws IllegalArgumentException if the prompt is empty or longer than the context
     */
    public GenerationResult generate(int[] prompt, GenerationRequest request, GenerationListener listener) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("the prompt has no tokens, and this model has no begin-of-text token to start from");
        }
        scheduler.reset();
        if (prompt.length > scheduler.room()) {
            throw new IllegalArgumentException("the prompt has " + prompt.length + " tokens, but the context has room for "
                    + scheduler.room());
        }
        Sampler sampler = new Sampler(request.sampling(), config.vocabSize());
        for (int id : prompt) {
            sampler.observe(id);
        }
        return request.maxTokens() == 0 ? prefillOnly(prompt, listener) : run(prompt, request, sampler, listener);
    }

    private GenerationResult prefillOnly(int[] prompt, GenerationListener listener) {
        long start = System.nanoTime();
        prefill(prompt, new OutputRequest.Nothing(), listener.prefill());
        scheduler.finish();
        return new GenerationResult("", new int[0], prompt.length, StopReason.MAX_TOKENS, System.nanoTime() - start, 0, 0);
    }

    private GenerationResult run(int[] prompt, GenerationRequest request, Sampler sampler, GenerationListener listener) {
        TextStream text = new TextStream(prompt, request, listener);
        IntStream.Builder tokens = IntStream.builder();
        int count = 0;
        int passes = 0;
        long start = System.nanoTime();
        PassOutput output = prefill(prompt, sampler.request(), listener.prefill());
        int id = sampler.next(output);
        long firstToken = System.nanoTime();
        StopReason reason = null;
        while (reason == null) {
            if (!request.ignoreEnd() && config.eosIds().contains(id)) {
                reason = StopReason.END_OF_TEXT;
                break;
            }
            tokens.add(id);
            count++;
            boolean hasRoom = scheduler.room() > 0; // the last token needs none
            if (hasRoom) {
                listener.onDecision(scheduler.decide(id));
            }
            text.append(id);
            if (text.stopped()) {
                reason = StopReason.STOP_STRING;
            } else if (count == request.maxTokens()) {
                reason = StopReason.MAX_TOKENS;
            } else if (!hasRoom) {
                reason = StopReason.CONTEXT_FULL;
            } else {
                id = sampler.next(scheduler.run(sampler.request()));
                passes++;
            }
        }
        long end = System.nanoTime();
        text.finish();
        scheduler.finish();
        return new GenerationResult(text.toString(), tokens.build().toArray(), prompt.length, reason, firstToken - start, end - firstToken,
                passes);
    }

    private PassOutput prefill(int[] prompt, OutputRequest request, Progress progress) {
        progress.report("reading the prompt", 0, prompt.length);
        return scheduler.read(prompt, request,
                (from, rows, output) -> progress.report("reading the prompt", from + rows, prompt.length));
    }

    /** New ids to text: whole characters, up to the first stop string, to the listener and kept. */
    private final class TextStream {
        private final StreamingDecoder decoder = new StreamingDecoder(tokenizer);
        private final StopStrings stops;
        private final GenerationListener listener;
        private final StringBuilder text = new StringBuilder();

        TextStream(int[] prompt, GenerationRequest request, GenerationListener listener) {
            stops = new StopStrings(request.stopStrings());
            this.listener = listener;
            // The text continues the prompt's: SentencePiece, say, would drop the leading space of a text of its own.
            for (int i = Math.max(0, prompt.length - PRIMING_TOKENS); i < prompt.length; i++) {
                decode(prompt[i]);
            }
        }

        private String decode(int id) {
            return id < tokenizer.vocabSize() ? decoder.add(id) : ""; // padding rows of the embedding have no text
        }

        void append(int id) {
            emit(stops.append(decode(id)));
        }

        boolean stopped() {
            return stops.stopped();
        }

        void finish() {
            if (!stops.stopped()) {
                emit(stops.append(decoder.finish()));
                emit(stops.finish());
            }
        }

        private void emit(String piece) {
            if (!piece.isEmpty()) {
                text.append(piece);
                listener.onText(piece);
            }
        }

        @Override
        public String toString() {
            return text.toString();
        }
    }
}
