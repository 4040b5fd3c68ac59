package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ErrorMessagesTest {

    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
        generate                                   ~ Missing required option: '--model=PATH'
        generate -m M -p x --rank 3                ~ --rank needs an adapter: add --adapter PATH
        generate -m M -p x --ladder L              ~ --ladder needs an adapter: add --adapter PATH
        generate -m M -p x --rank -1 -a A          ~ Invalid value for option '--rank': '-1' is neither a number from 0 up nor 'max'
        generate -m M -p x --rank many -a A        ~ Invalid value for option '--rank': 'many' is neither a number from 0 up nor 'max'
        generate -m M -p x --temperature warm      ~ Invalid value for option '--temperature': 'warm' is not a double
        generate -m M -p x --temperature -1        ~ temperature -1.0 is not a number from 0 up
        generate -m M -p x --top-p 0               ~ top-p 0.0 is not in (0, 1]; 1 keeps all tokens
        generate -m M -p x --top-k -1              ~ top-k -1 is negative; 0 keeps all tokens
        generate -m M -p x --min-p 2               ~ min-p 2.0 is not in [0, 1]; 0 keeps all tokens
        generate -m M -p x --max-tokens -5         ~ max tokens -5 is negative
        generate -m M -p x --context 0             ~ --context 0: expected a number from 1 up
        generate -m M -p x --batch 0               ~ --batch 0: expected a number from 1 up
        generate -m M -p x --threads -1            ~ --threads -1: expected a number from 1 up, or 0 for one per core
        generate -m M -p x --executor gpu          ~ --executor gpu: expected auto, cpu or tornado
        generate -m M -p x --device cuda           ~ --device cuda: expected a backend and an index such as cpu:0 or opencl:0; \
        see 'chunkwise devices'
        generate -m M -p x -f y                    ~ --prompt and --prompt-file exclude each other
        generate -m M -p x surplus                 ~ Unmatched argument at index 5: 'surplus'
        generate -m M -p x -a A -a B               ~ --adapter: 'A' and 'B' both begin at token 0; say where one takes over, as in B@100
        generate -m M -p x -a A@7 -a B@7           ~ --adapter: 'A' and 'B' both begin at token 7; say where one takes over, as in B@107
        generate -m M -p x -a x=A -a x=B@5         ~ --adapter 'x=B@5': there is a 'x' already, at A; \
        give this one another name with NAME=PATH
        generate -m M -p x -a c/A -a d/A@5         ~ --adapter 'd/A@5': there is a 'A' already, at c/A; \
        give this one another name with NAME=PATH
        generate -m M -p x -a none=A               ~ --adapter 'none=A': the name none means no adapter; give it another with NAME=PATH
        generate -m M -p x -a A -a B@5 --ladder L  ~ --ladder belongs to one adapter, but there are 2; \
        save each one's beside it with 'chunkwise ladder'
        generate -m M -p x -a A --rank 3 --policy adaptive ~ --rank and --policy exclude each other: \
        --rank N is short for --policy uniform:N
        generate -m M -p x --policy adaptive       ~ --policy adaptive chooses components of an adapter: add --adapter PATH, \
        or --kv-policy adaptive, which uses the policy's bands, too
        generate -m M -p x --policy uniform:8      ~ --policy uniform:8 chooses components of an adapter: add --adapter PATH, \
        or --kv-policy adaptive, which uses the policy's bands, too
        generate -m M -p x -a A --policy uniform:x ~ --policy uniform:x: there is no policy 'uniform:x'; use uniform:R with a rank, \
        uniform:max, adaptive or a file
        generate -m M -p x -a A --policy adaptve   ~ --policy adaptve: neither uniform:R, uniform:max or adaptive, nor a file
        generate -m M -p x -a A --signals entropy  ~ --signals means nothing to policy 'uniform:max', which treats all tokens alike; \
        add --policy adaptive
        generate -m M -p x -a A --fade 4           ~ --fade means nothing to policy 'uniform:max', which treats all tokens alike; \
        add --policy adaptive
        generate -m M -p x -a A --budget 4         ~ --budget means nothing to policy 'uniform:max', which treats all tokens alike; \
        add --policy adaptive
        generate -m M -p x -a A --rungs threshold  ~ --rungs means nothing to policy 'uniform:max', which takes all components or none
        generate -m M -p x --fade 4                ~ --fade needs an adapter: add --adapter PATH
        generate -m M -p x --budget 4              ~ --budget needs an adapter: add --adapter PATH
        generate -m M -p x --rungs fixed           ~ --rungs needs an adapter: add --adapter PATH
        generate -m M -p x --signals ngram         ~ --signals means nothing to policy 'uniform:max', which treats all tokens alike; \
        add --policy adaptive
        generate -m M -p x -a A --policy adaptive --fade 3   ~ --fade 3: expected 0, 1, 4, 8 or 16
        generate -m M -p x -a A --policy adaptive --fade x   ~ Invalid value for option '--fade': 'x' is not an int
        generate -m M -p x -a A --policy adaptive --budget -1 ~ --budget -1.0: expected a number from 0 up
        generate -m M -p x -a A --policy adaptive --budget NaN ~ --budget NaN: expected a number from 0 up
        generate -m M -p x -a A --policy adaptive --rungs some ~ --rungs some: expected fixed or threshold
        generate -m M -p x -a A --policy adaptive --signals mood ~ --signals mood: there is no signal 'mood'; signals are entropy, ngram, \
        attention, prior, benefit
        generate -m M -p x -a A --policy adaptive --signals ngram,benefit ~ --signals ngram,benefit: \
        the signal benefit is the score alone; leave the others out
        generate -m M -p x --kv-policy q4          ~ --kv-policy q4: there is no KV policy 'q4'; use full, q8, adaptive or window:N
        generate -m M -p x --kv-policy window:0    ~ --kv-policy window:0: there is no KV policy 'window:0'; use full, q8, \
        adaptive or window:N
        generate -m M -p x --kv-max-error 0.1      ~ --kv-max-error belongs to --kv-policy adaptive, not full
        generate -m M -p x --kv-policy adaptive --kv-max-error 2 ~ --kv-max-error 2.0: expected a number from 0 to 1
        generate -m M -p x --kv-policy adaptive --kv-max-error NaN ~ --kv-max-error NaN: expected a number from 0 to 1
        generate -m M -p x --merge-rung 4          ~ --merge-rung needs an adapter: add --adapter PATH
        generate -m M -p x -a A --merge-rung 0     ~ --merge-rung 0: expected a number from 1 up
        generate -m M -p x -a A --rank 3 --merge-rung 4 ~ --merge-rung 4 leaves no token with fewer components; --rank 3 wants 3
        generate -m M -p x -a A --policy uniform:3 --merge-rung 4 ~ --merge-rung 4 leaves no token with fewer components than that, \
        and policy 'uniform:3' wants fewer
        generate -m M -p x -a A -a B@9 --merge-rung 4 ~ --merge-rung: what is merged acts on every token, \
        so it takes one adapter for the whole text, without @TOKEN
        generate -m M -p x --trace --json          ~ --trace is for people, and --json has all of it as data; leave one of them out
        generate -m M -p x --trace-html /no/where/x.html ~ --trace-html /no/where/x.html: there is no directory /no/where
        generate -m M -p x --trace-html /dev/null  ~ --trace-html /dev/null: is there already, and not a file
        score -m M --text x --fade 4               ~ --fade needs an adapter: add --adapter PATH
        score -m M                                 ~ Missing required argument (specify one of these): \
        (--text=TEXT | --file=PATH | --tokens=1,2,3)
        score -m M --tokens 1,x                    ~ --tokens: 'x' is not a token id; expected numbers such as 1,403,407
        score -m M --tokens 1, --top 1             ~ --tokens: '' is not a token id; expected numbers such as 1,403,407
        score -m M --text x --window 1             ~ --window 1: expected a number from 2 up; the first token of a window is not scored
        score -m M --text x --top -1               ~ --top -1: expected a number from 0 up
        inspect                                    ~ Missing required parameter: 'PATH'
        ladder -m M                                ~ Missing required option: '--adapter=PATH'
        ladder -m M -a A --calibrate T --calibrate-components 0 ~ --calibrate-components 0: expected a number from 1 up
        ladder -m M -a A --calibrate T --calibrate-windows -1 ~ --calibrate-windows -1: expected a number from 1 up
        ladder -m M -a A --calibrate T --executor gpu ~ --executor gpu: expected auto, cpu or tornado
        ladder -m M -a A --calibrate-windows 4     ~ --calibrate-windows belongs to calibration: add --calibrate FILE
        ladder -m M -a A --threads 1               ~ --threads belongs to calibration: add --calibrate FILE
        """)
    void aWrongCommandLineIsOneLineAndExitCode2(String line, String message) {
        CommandRun run = CommandRun.of((Object[]) line.split(" +"));
        assertEquals(2, run.exit(), run.err());
        assertEquals("", run.out());
        assertEquals(List.of("chunkwise: " + message, "See 'chunkwise " + line.split(" ")[0] + " --help'."), run.err().lines().toList());
    }

    @Test
    void aMistypedNameGetsASuggestion() {
        CommandRun option = CommandRun.of("generate", "-m", "M", "--temprature", "1");
        assertEquals(2, option.exit());
        assertTrue(option.err().contains("Did you mean '--temperature'?"), option.err());
        CommandRun command = CommandRun.of("genrate");
        assertEquals(2, command.exit());
        assertTrue(command.err().contains("generate"), command.err());
        assertTrue(command.err().endsWith("See 'chunkwise --help'.\n"), command.err());
    }

    @Test
    void whatDoesNotExistIsSaidInOneLineWithExitCode1(@TempDir Path directory) {
        failsIn(1, "there", "generate", "-m", directory.resolve("not-there"), "-p", "x");
        failsIn(1, "not-there.gguf", "score", "-m", directory.resolve("not-there.gguf"), "--text", "x");
        failsIn(1, "config.json", "generate", "-m", directory, "-p", "x");
        failsIn(1, "not-there", "inspect", directory.resolve("not-there"));
        failsIn(1, "no such file", "generate", "-m", directory, "-f", directory.resolve("prompt.txt"));
        failsIn(1, "not-there", "generate", "-m", Stories.model(), "-a", directory.resolve("not-there"), "-p", "x");
        failsIn(1, "not-there", "ladder", "-m", Stories.model(), "-a", directory.resolve("not-there"));
        failsIn(1, "not-there", "generate", "-m", Stories.model(), "-a", Stories.adapter("grimm"), "--rank", 3,
                "--ladder", directory.resolve("not-there.safetensors"), "-p", "x");
    }

    @Test
    void filesThatAreSomethingElseAreRefusedInOneLine(@TempDir Path directory) throws IOException {
        Path text = Files.writeString(directory.resolve("notes.txt"), "just text\n");
        Path empty = Files.createFile(directory.resolve("empty.gguf"));
        Path image = Files.write(directory.resolve("image.safetensors"), new byte[] {-1, -40, -1, -32, 0, 16, 74, 70, 73, 70, 0, 1});
        for (Path file : List.of(text, empty, image)) {
            failsIn(1, file.getFileName().toString(), "inspect", file);
            failsIn(1, file.getFileName().toString(), "generate", "-m", file, "-p", "x");
            failsIn(1, file.getFileName().toString(), "generate", "-m", Stories.model(), "-a", file, "-p", "x");
        }
        failsIn(1, "UTF-8", "generate", "-m", Stories.model(), "-f", image);
        failsIn(1, "UTF-8", "score", "-m", Stories.model(), "--file", image);
        failsIn(1, "not a rank ladder", "generate", "-m", Stories.model(), "-a", Stories.adapter("grimm"), "--rank", 3,
                "--ladder", Stories.adapter("grimm").resolve("adapter_model.safetensors"), "-p", "x");
    }

    @ParameterizedTest
    @CsvSource({"model.safetensors, 100", "model.safetensors, 500000", "config.json, 50", "tokenizer.model, 300"})
    void aTruncatedModelIsRefusedInOneLine(String file, int keptBytes, @TempDir Path directory) throws IOException {
        Path model = Stories.copyOfModel(directory);
        Files.write(model.resolve(file), Arrays.copyOf(Files.readAllBytes(model.resolve(file)), keptBytes));
        failsIn(1, file, "generate", "-m", model, "-p", "Once");
        failsIn(1, file, "inspect", model);
    }

    @Test
    void anAdapterOfAnotherModelIsRefusedInOneLine(@TempDir Path directory) throws IOException {
        Path model = Stories.copyOfModel(directory);
        Path adapter = Stories.copyOfAdapter("grimm", directory);
        Path tensors = adapter.resolve("adapter_model.safetensors");
        String header = new String(Files.readAllBytes(tensors), java.nio.charset.StandardCharsets.ISO_8859_1)
                .replace("[172,32]", "[32,172]");
        Files.write(tensors, header.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
        failsIn(1, "expected", "generate", "-m", model, "-a", adapter, "-p", "Once");
    }

    @Test
    void theTraceComesWithErrorsOnly(@TempDir Path directory) {
        CommandRun brief = CommandRun.of("inspect", directory.resolve("x"));
        CommandRun full = CommandRun.of("inspect", directory.resolve("x"), "--errors");
        assertEquals(1, full.exit());
        assertFalse(brief.err().contains("\tat "), brief.err());
        assertTrue(full.err().contains("\tat io.chunkwise."), full.err());
    }

    @Test
    void anExecutorOrDeviceThatIsNotThereIsAnErrorAndNeverReplaced() {
        failsIn(1, "opencl:77", "generate", "-m", Stories.model(), "-p", "x", "--device", "opencl:77");
        failsIn(1, "executor 'cpu' has no device 'opencl:0'", "generate", "-m", Stories.model(), "-p", "x", "-e", "cpu", "-d", "opencl:0");
    }

    @Test
    void idsOutsideTheVocabularyAreAUsageError() {
        failsIn(2, "512 is outside the vocabulary of 512 ids", "score", "-m", Stories.model(), "--tokens", "1,512");
        failsIn(2, "nothing to score", "score", "-m", Stories.model(), "--tokens", "1");
        failsIn(2, "the adapter has rank 32", "generate", "-m", Stories.model(), "-a", Stories.adapter("grimm"), "--rank", 33, "-p", "x");
    }

    private static void failsIn(int exit, String part, Object... args) {
        CommandRun run = CommandRun.of(args);
        assertEquals(exit, run.exit(), () -> Arrays.toString(args) + "\n" + run.err());
        assertEquals("", run.out());
        List<String> lines = run.err().lines().filter(line -> !line.startsWith("executor ") && !line.startsWith("See ")
                && !line.startsWith("building ")).toList();
        assertEquals(1, lines.size(), run.err());
        assertTrue(lines.getFirst().startsWith("chunkwise: ") && lines.getFirst().contains(part),
                () -> "'" + part + "' is not in: " + run.err());
        assertFalse(run.err().contains("this is a bug"), run.err());
    }
}
