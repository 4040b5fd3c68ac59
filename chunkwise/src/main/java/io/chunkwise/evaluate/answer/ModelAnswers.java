package io.chunkwise.evaluate.answer;

import io.chunkwise.generate.ChunkwiseGenerator;
import io.chunkwise.generate.GenerationListener;
import io.chunkwise.generate.GenerationRequest;
import io.chunkwise.generate.GenerationResult;
import io.chunkwise.generate.SamplingOptions;
import io.chunkwise.model.tokenizer.Tokenizer;
import io.chunkwise.schedule.ChunkScheduler;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Asks a model: always its most likely token, until the line ends. */
public final class ModelAnswers {
    private final ChunkScheduler scheduler;
    private final Tokenizer tokenizer;
    private final PromptTemplate template;
    private final int maxTokens;

    /**
     * @param scheduler of the model's executor; owned by the caller, reset by every answer
     * @param maxTokens of an answer, 1 at least
     */
    public ModelAnswers(ChunkScheduler scheduler, Tokenizer tokenizer, PromptTemplate template, int maxTokens) {
        if (maxTokens < 1) {
            throw new IllegalArgumentException("max tokens " + maxTokens + ": expected a number from 1 up");
        }
        this.scheduler = scheduler;
        this.tokenizer = tokenizer;
        this.template = template;
        this.maxTokens = maxTokens;
    }

    /**
     * @param values     of every place of the template
     * @param shortening the place whose text may be cut at its end where prompt and answer do not fit the context
     * @throws IllegalArgumentException if they do not fit, nor would with that text left out
     */
    public Answer answer(Map<String, String> values, Optional<String> shortening) {
        scheduler.reset();
        int room = scheduler.room() - maxTokens;
        int[] prompt = encode(values);
        boolean shortened = prompt.length > room && shortening.isPresent();
        if (shortened) {
            prompt = shortened(values, shortening.get(), room);
        }
        if (prompt.length > room) {
            throw new IllegalArgumentException("a prompt of " + prompt.length + " tokens and an answer of " + maxTokens
                    + " do not fit the context of " + scheduler.room()
                    + (shortened ? ", even with an empty {" + shortening.get() + "}" : "")
                    + "; use a shorter template, fewer tokens, or a longer context");
        }
        long start = System.nanoTime();
        GenerationResult result = new ChunkwiseGenerator(scheduler, tokenizer).generate(prompt,
                new GenerationRequest(maxTokens, List.of("\n"), false, SamplingOptions.greedy()), GenerationListener.NONE);
        double millis = (System.nanoTime() - start) * 1e-6;
        return new Answer(result.text(), prompt.length, result.tokens().length, shortened, scheduler.cost().meanComponents(),
                scheduler.cost().kvBytesPeak(), millis);
    }

    /** The longest beginning of one text with which the prompt fits. */
    private int[] shortened(Map<String, String> values, String place, int room) {
        Map<String, String> changed = new HashMap<>(values);
        int[] codePoints = values.get(place).codePoints().toArray();
        int fits = 0;
        int tooMany = codePoints.length;
        while (tooMany - fits > 1) {
            int tried = (fits + tooMany) >>> 1;
            changed.put(place, new String(codePoints, 0, tried));
            if (encode(changed).length <= room) {
                fits = tried;
            } else {
                tooMany = tried;
            }
        }
        changed.put(place, new String(codePoints, 0, fits));
        return encode(changed);
    }

    private int[] encode(Map<String, String> values) {
        return tokenizer.encode(template.fill(values), true);
    }
}
