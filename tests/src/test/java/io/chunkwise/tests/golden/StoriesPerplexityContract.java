package io.chunkwise.tests.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.Shard;
import io.chunkwise.evaluate.journal.Journal;
import io.chunkwise.evaluate.perplexity.PerplexityEvaluation;
import io.chunkwise.evaluate.perplexity.PerplexityFigures;
import io.chunkwise.evaluate.perplexity.PerplexityRecipe;
import io.chunkwise.evaluate.perplexity.PerplexityRow;
import io.chunkwise.evaluate.perplexity.TextWindow;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.selection.RungSelector;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.OptionalInt;
import java.util.ServiceLoader;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The five perplexities of stories260K-perplexity.json, which transformers 5.18 and peft 0.21 computed in float32 by the recipe that the
 * file describes, for any executor.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
interface StoriesPerplexityContract {
    /** In nats. */
    double TOLERANCE = 1e-4;
    int WINDOW = 512;

    /** Opened once for all texts. */
    Subject subject();

    @AfterAll
    default void close() {
        subject().close();
    }

    @ParameterizedTest
    @CsvSource({"base, tinystories-valid.txt, 100000", "base, tinyshakespeare.txt, -60000", "base, wikitext2-raw-test.txt, 60000",
        "shakespeare, tinyshakespeare.txt, -60000", "shakespeare, tinystories-valid.txt, 100000"})
    default void perplexityOfAWholeTextIsTheReferences(String adapter, String file, int characters) throws IOException {
        // The reference read files in Python's text mode, which makes line feeds of other ends of lines.
        String whole = Files.readString(SharedData.assumePresent("text/" + file)).replace("\r\n", "\n").replace('\r', '\n');
        String text = characters > 0 ? whole.substring(0, whole.offsetByCodePoints(0, characters))
                : whole.substring(whole.offsetByCodePoints(whole.length(), characters));
        JsonNode expected = new ObjectMapper().readTree(SharedData.assumePresent("stories260K-perplexity.json").toFile()).get("results")
                .get(adapter + "/" + file + (characters > 0 ? " first " : " last ") + Math.abs(characters) + " characters");

        LlamaModel model = subject().model();
        int[] ids = model.tokenizer().encode(text, true);
        assertEquals(expected.get("tokens").intValue(), ids.length);
        List<Item<TextWindow>> windows = new PerplexityRecipe.Strided(WINDOW, WINDOW).windows(ids, OptionalInt.empty());
        ChunkPolicy policy = ChunkPolicy.uniformMax();
        RungSelector selector = adapter.equals("base") ? RungSelector.base(policy) : RungSelector.plain(policy,
                AdapterFiles.open(SharedData.assumePresent("stories260K-lora-" + adapter), model.config(), Progress.NONE));
        ChunkScheduler scheduler = new ChunkScheduler(subject().executor(),
                new ChunkScheduler.Setup(model.config(), policy, new KvPolicy.Full(), selector));
        PerplexityFigures figures = PerplexityFigures.of(EvaluationRun.of(new PerplexityEvaluation(windows, scheduler), Shard.ALL,
                Journal.<PerplexityRow>inMemory(), Progress.NONE).rows());
        System.out.printf("%s, %s on %s: nll %.7f, reference %.7f, %d scored, %.0f ms%n", subject().executor().name(), adapter, file,
                figures.nll(), expected.get("nll").doubleValue(), figures.scored(), figures.millis());
        assertEquals(expected.get("scored").longValue(), figures.scored());
        assertEquals(expected.get("nll").doubleValue(), figures.nll(), TOLERANCE);
        assertEquals(ids.length, figures.tokens());
        assertEquals(adapter.equals("base") ? 0 : 32, figures.meanComponents(), 1e-9);
    }

    /** A model on an executor, opened when it is asked for. */
    final class Subject {
        private final String name;
        private LlamaModel model;
        private ForwardExecutor executor;

        Subject(String executor) {
            name = executor;
        }

        LlamaModel model() {
            if (model == null) {
                model = ModelFiles.open(SharedData.assumePresent("stories260K"), Progress.NONE);
            }
            return model;
        }

        ForwardExecutor executor() {
            if (executor == null) {
                executor = StreamSupport.stream(ServiceLoader.load(ForwardExecutorProvider.class).spliterator(), false)
                        .filter(provider -> provider.name().equals(name)).findFirst().orElseThrow()
                        .open(model(), ExecutorOptions.withContext(WINDOW));
            }
            return executor;
        }

        void close() {
            if (executor != null) {
                executor.close();
            }
            if (model != null) {
                model.close();
            }
        }
    }
}
