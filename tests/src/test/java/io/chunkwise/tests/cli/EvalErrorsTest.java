package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EvalErrorsTest {

    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
        perplexity -m M --window 8                       ~ Missing required option: '--text=FILE'
        perplexity -m M --text T                         ~ Missing required option: '--window=N'
        perplexity -m M --text T --window 1              ~ a window of 1 tokens: expected 2 or more, for its first is not scored
        perplexity -m M --text T --window 8 --stride 9   ~ a stride of 9 tokens: expected 1 to the window's 8, for a longer one skips text
        perplexity -m M --text T --window 8 --stride 0   ~ a stride of 0 tokens: expected 1 to the window's 8, for a longer one skips text
        perplexity -m M --text T --window 8 --recipe x   ~ --recipe x: expected strided or llama.cpp
        perplexity -m M --text T --window 3 --recipe llama.cpp ~ a window of 3 tokens: expected 4 or more, for half of it is not scored
        perplexity -m M --text T --window 8 --stride 4 --recipe llama.cpp ~ --stride means nothing to llama.cpp's recipe, \
        whose windows do not overlap
        perplexity -m M --text T --window 8 --shard 3/2  ~ --shard: shard 3/2: expected i/n with i from 1 to n
        perplexity -m M --text T --window 8 --shard x    ~ --shard: 'x' is no shard: expected i/n, such as 1/4
        perplexity -m M --text T --window 8 --fade 4     ~ --fade needs an adapter: add --adapter PATH
        squad --data D                                   ~ Missing required argument (specify one of these): (--predictions=FILE | -m=PATH)
        squad --data D --predictions P --limit 0         ~ --limit 0: expected a number from 1 up
        squad --data D --model M --max-tokens 0          ~ --max-tokens 0: expected a number from 1 up
        squad --data D --predictions P --adapter A       ~ --adapter is for a model, but the answers come from --predictions; \
        leave one of them out
        squad --data D --predictions P --template T      ~ --template is for a model, but the answers come from --predictions; \
        leave one of them out
        squad --data D --predictions P --kv-policy q8    ~ --kv-policy is for a model, but the answers come from --predictions; \
        leave one of them out
        squad --data D --predictions P --executor cpu    ~ --executor is for a model, but the answers come from --predictions; \
        leave one of them out
        bleu --reference R                               ~ Missing required argument (specify one of these): (--hypothesis=FILE | -m=PATH)
        bleu --reference R --hypothesis H --tokenize zh  ~ --tokenize zh: expected 13a, none, char or intl
        bleu --reference R --hypothesis H --source S     ~ --source is for a model, but the answers come from --hypothesis; \
        leave one of them out
        bleu --reference R -m M --source S               ~ a model needs --source FILE, what to translate, and --template FILE, \
        how to ask for it
        merge                                            ~ Missing required parameter: 'FILE'
        """)
    void aWrongCommandLineIsOneLineAndExitCode2(String line, String message) {
        CommandRun run = CommandRun.of((Object[]) ("eval " + line).split(" +"));
        assertEquals(2, run.exit(), run.err());
        assertEquals("", run.out());
        assertEquals(List.of("chunkwise: " + message, "See 'chunkwise eval " + line.split(" ")[0] + " --help'."),
                run.err().lines().toList());
    }

    @ParameterizedTest
    @ValueSource(strings = {"perplexity", "squad", "bleu", "merge"})
    void everyCommandExplainsItself(String command) {
        CommandRun run = CommandRun.of("eval", command, "--help").succeeded();
        for (String part : List.of("Usage: chunkwise eval " + command, "--json", "--quiet", "--errors", "--help", "JSON: ")) {
            assertTrue(run.out().contains(part), () -> "'" + part + "' is not in\n" + run.out());
        }
        assertEquals(List.of(), run.out().lines().filter(line -> line.length() > 100).toList());
        assertTrue(CommandRun.of("eval").succeeded().out().lines().anyMatch(line -> line.strip().startsWith(command + " ")), command);
    }

    @Test
    void filesThatCannotBeReadOrWrittenAreOneLineAndExitCode1(@TempDir Path directory) throws IOException {
        Path missing = directory.resolve("missing");
        Path text = Files.writeString(directory.resolve("text.txt"), "Once upon a time there was a cat.");
        fails("missing: there is no such file", "eval", "perplexity", "-m", Stories.model(), "--text", missing, "--window", 8);
        fails("text.txt: is there already, and does not hold results; use another file", "eval", "perplexity", "-m", Stories.model(),
                "-e", "cpu", "-q", "--text", text, "--window", 8, "--output", text);
        assertEquals("Once upon a time there was a cat.", Files.readString(text));
        fails("x.jsonl", "eval", "perplexity", "-m", Stories.model(), "-e", "cpu", "-q", "--text", text, "--window", 8, "--output",
                directory.resolve("no/x.jsonl"));
        fails("too few to score one", "eval", "perplexity", "-m", Stories.model(), "-e", "cpu", "-q",
                "--text", Files.createFile(directory.resolve("empty")), "--window", 8);
        fails("llama.cpp's recipe takes two windows", "eval", "perplexity", "-m", Stories.model(), "-e", "cpu", "-q", "--text", text,
                "--window", 100, "--recipe", "llama.cpp");
        fails("text.txt: is not JSON", "eval", "squad", "--data", text, "--predictions", text);
        fails("holds no results", "eval", "merge", directory.resolve("empty"));
        fails("does not hold results", "eval", "merge", text);
        CommandRun window = CommandRun.of("eval", "perplexity", "-m", Stories.model(), "-e", "cpu", "-q", "--text", text, "--window", 513);
        assertEquals(2, window.exit());
        assertTrue(window.err().startsWith("chunkwise: --window 513: the context has room for 512; "), window.err());
    }

    private static void fails(String part, Object... args) {
        CommandRun run = CommandRun.of(args);
        assertEquals(1, run.exit(), run.out() + run.err());
        assertEquals("", run.out());
        assertEquals(1, run.err().lines().count(), run.err());
        assertTrue(run.err().contains(part), run.err());
    }
}
