package io.chunkwise.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.kv.KvFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyFileTest {
    private static final String SMALL = """
            signals: {ngram: {weight: 1}}
            bands:
              - {name: easy, upperPercentile: 50, minTokens: 4, maxTokens: 20, components: 2}
              - name: hard
                upperPercentile: 100
                minTokens: 3
                maxTokens: 8
                components: max
                scale: 0.5
                kv: [full, q8, evicted]
            """;

    @Test
    void aSmallFileHasDefaultsForTheRest() {
        Band easy = new Band("easy", 50, 4, 20, 2, 1, List.of(KvFormat.FULL));
        Band hard = new Band("hard", 100, 3, 8, Band.ALL_COMPONENTS, 0.5f, List.of(KvFormat.FULL, KvFormat.Q8, KvFormat.EVICTED));
        assertEquals(new ChunkPolicy("small", Estimation.NONE.withWeights(Map.of(SignalKind.NGRAM, 1.0)), RungKind.FIXED,
                List.of(easy, hard), 0, Double.POSITIVE_INFINITY, KvBounds.DEFAULT), PolicyFile.parse("small", SMALL));
    }

    @Test
    void everyKeyIsRead() {
        ChunkPolicy policy = PolicyFile.parse("all", """
                signals:
                  entropy: {weight: 0.5}
                  ngram: {weight: -2, windowTokens: 99, decay: 0.25}
                  attention: {weight: 0}
                  prior: {weight: 1e-1, tokens: 12.5}
                lagTokens: 7
                initial: 0.7
                smoothing: 0.125
                percentiles: {windowTokens: 33, warmupTokens: 0, expected: [.25, 0.5, 1], hysteresis: 2.5}
                rungs: threshold
                bands: [{name: "on", upperPercentile: 100, minTokens: 1, maxTokens: 2, components: 2.5}]
                fadeTokens: 16
                budget: 6.5
                kv: {recentTokens: 17, errorBound: 0.5, massBound: 0.25}
                """);
        assertEquals(new Estimation(Map.of(SignalKind.ENTROPY, 0.5, SignalKind.NGRAM, -2.0, SignalKind.PRIOR, 0.1), 7, 0.7, 99, 0.25, 12.5,
                0.125, 33, 0, List.of(0.25, 0.5, 1.0), 2.5, BenefitUse.IGNORE), policy.estimation());
        assertEquals(RungKind.THRESHOLD, policy.rungs());
        assertEquals(List.of(new Band("on", 100, 1, 2, 2.5, 1, List.of(KvFormat.FULL))), policy.bands());
        assertEquals(16, policy.fadeTokens());
        assertEquals(6.5, policy.budget());
        assertEquals(new KvBounds(17, 0.5, 0.25), policy.kv());
    }

    @Test
    void aPolicyThatRequiresTokenBenefitsNeedsNoSignals() {
        ChunkPolicy policy = PolicyFile.parse("small", SMALL.replace("signals: {ngram: {weight: 1}}", "benefit: require"));
        assertEquals(Estimation.NONE.withBenefit(BenefitUse.REQUIRE), policy.estimation());
        assertTrue(policy.estimates());
        assertEquals(BenefitUse.PREFER, PolicyFile.parse("small", "benefit: prefer\n" + SMALL).estimation().benefit());
        assertEquals(BenefitUse.IGNORE, PolicyFile.parse("small", SMALL).estimation().benefit());
        assertEquals(BenefitUse.PREFER, ChunkPolicy.adaptive().estimation().benefit());
    }

    @Test
    void theBuiltInPolicyIsAFileThatSaysItsDefaultsTruly() {
        ChunkPolicy adaptive = ChunkPolicy.adaptive();
        assertEquals("adaptive", adaptive.name());
        assertTrue(adaptive.estimates(), "several bands");
        // Without the lines of values that are not marked with *, the policy is the same: they are the defaults.
        String defaults = "windowTokens|decay|tokens|lagTokens|initial|smoothing|warmupTokens|expected|hysteresis|rungs|scale|recentTokens"
                + "|errorBound|massBound";
        String marked = PolicyFile.adaptiveText().lines().filter(line -> line.contains("# *") || !line.matches(" *(" + defaults + "): .*"))
                .filter(line -> !line.equals("kv:")).reduce("", (text, line) -> text + line + "\n");
        assertEquals(adaptive, PolicyFile.parse("adaptive", marked));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "`components: 2}` | `components: 2, rank: 3}` | `line 3: 'rank' is no key of a band, expected one of name, upperPercentile`",
        "`signals:` | `signal:` | `line 1: 'signal' is no key of a policy, expected one of signals, benefit, lagTokens`",
        "`{weight: 1}` | `{wieght: 1}` | `line 1: 'wieght' is no key of signal 'ngram', expected one of weight`",
        "`{weight: 1}` | `{}` | `line 1: signal 'ngram' lacks the key 'weight'`",
        "`{weight: 1}` | `{weight: one}` | `line 1: 'weight' is 'one', expected a number from -1000000 to 1000000`",
        "`{weight: 1}` | `{weight: .nan}` | `line 1: 'weight' is '.nan', expected a number`",
        "`{weight: 1}` | `{weight: 1:30}` | `line 1: 'weight' is '1:30', expected a number`",
        "`{weight: 1}` | `{weight: 0}` | `line 1: 2 bands need 'signals', at least one of them with a weight other than 0`",
        "`{ngram: {weight: 1}}` | `1` | `line 1: expected 'signals' as keys with values (entropy, ngram`",
        "`    minTokens: 3\n` | `` | `line 4: a band lacks the key 'minTokens'`",
        "`    minTokens: 3` | `    minTokens: 0` | `line 6: 'minTokens' is '0', expected a whole number from 1 to 65536`",
        "`    minTokens: 3` | `    minTokens: 3.5` | `line 6: 'minTokens' is '3.5', expected a whole number`",
        "`    minTokens: 3` | `    minTokens: 99999999999` | `line 6: 'minTokens' is '99999999999', expected a whole number`",
        "`    minTokens: 3` | `    minTokens: [3]` | `line 6: 'minTokens' is a list, expected a whole number`",
        "`    maxTokens: 8` | `    maxTokens: 2` | `line 7: 'maxTokens' is '2', expected a whole number from 3 to 65536`",
        "`    maxTokens: 8` | `    maxTokens: 8\n    maxTokens: 9` | `line 8: 'maxTokens' is given twice`",
        "`components: max` | `components: many` | `line 8: 'components' is 'many', expected a number from 0 to 1000000, or max`",
        "`components: max` | `components: -1` | `line 8: 'components' is '-1', expected a number from 0 to 1000000, or max`",
        "`components: max` | `components: 2.5` | `line 8: 'components' is '2.5', expected a whole number or max`",
        "`scale: 0.5` | `scale: .inf` | `line 9: 'scale' is '.inf', expected a number from -100 to 100`",
        "`upperPercentile: 100` | `upperPercentile: 50` | `line 5: 'upperPercentile' is '50', expected more than the 50`",
        "`upperPercentile: 100` | `upperPercentile: 99` | `line 5: 'upperPercentile' is '99', expected 100 in the last band`",
        "`upperPercentile: 50` | `upperPercentile: 0` | `line 3: 'upperPercentile' is '0', expected a number above 0, up to 100`",
        "`name: hard` | `name: easy` | `line 4: 'name' is 'easy', expected a name that no band before has`",
        "`name: hard` | `name: no` | `line 4: 'name' is 'no', expected text; in quotes`",
        "`[full, q8, evicted]` | `[q8, full]` | `line 10: 'kv' is a list, expected full first, then some of q8, q4, evicted`",
        "`[full, q8, evicted]` | `[full, q5]` | `line 10: 'kv' is a list, expected a list of full, q8, q4, evicted`",
        "`[full, q8, evicted]` | `full` | `line 10: 'kv' is 'full', expected a list of full, q8, q4, evicted`",
        "`[full, q8, evicted]` | `[full, q8` | `line 11: not YAML: `",
        "`signals:` | `fadeTokens: 65\nsignals:` | `line 1: 'fadeTokens' is '65', expected a whole number from 0 to 64`",
        "`signals:` | `rungs: auto\nsignals:` | `line 1: 'rungs' is 'auto', expected one of fixed, threshold`",
        "`signals:` | `budget: none\nsignals:` | `line 1: 'budget' is 'none', expected a number from 0 to 1000000`",
        "`signals:` | `smoothing: 1\nsignals:` | `line 1: 'smoothing' is '1', expected a number from 0 to just below 1`",
        "`signals:` | `percentiles: {expected: [0.5, 0.2]}\nsignals:` | `line 1: 'expected' is a list, expected 2 to 1001 ascending`",
        "`signals:` | `percentiles: {expected: [1]}\nsignals:` | `line 1: 'expected' is a list, expected 2 to 1001 ascending`",
        "`signals:` | `percentiles: {expected: [a, 1]}\nsignals:` | `line 1: 'expected' is a list, expected a list of numbers`",
        "`signals:` | `kv: {errorBound: 2}\nsignals:` | `line 1: 'errorBound' is '2', expected a number from 0 to 1`",
        "`signals:` | `benefit: always\nsignals:` | `line 1: 'benefit' is 'always', expected one of prefer, require, ignore`",
        "`{ngram: {weight: 1}}` | `{benefit: {weight: 1}}` | `line 1: 'benefit' is no key of 'signals', expected one of entropy, ngram`",
        "`signals: {ngram: {weight: 1}}` | `benefit: prefer` | `line 3: 2 bands need 'signals'`",
        "`name: hard` | `name: !!java.io.File x` | `line 4: not YAML: Global tag is not allowed`",
        "`name: hard` | `name: &a hard` | `line 4: 'name' is 'hard', expected text`",
        "`bands:` | `? [a]\n: b\nbands:` | `line 2: '' is no key of a policy`",
        "`signals:` | `<<: {rungs: fixed}\nsignals:` | `line 1: '<<' is no key of a policy`",
        "`signals:` | `--- 1\n---\nsignals:` | `line 2: not YAML: `"})
    void whatIsWrongIsSaidWithItsLine(String good, String bad, String expected) {
        String yaml = SMALL.replace(good.replace("\\n", "\n"), bad == null ? "" : bad.replace("\\n", "\n"));
        FormatException e = assertThrows(FormatException.class, () -> PolicyFile.parse("mine.yaml", yaml), yaml);
        assertTrue(e.getMessage().startsWith("mine.yaml: " + expected), "expected <" + expected + "...>, got <" + e.getMessage() + ">");
        assertEquals(1, e.getMessage().lines().count(), "lines of the message");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "# nothing", "- a list", "text", "bands: []", "bands: {}", "bands:", "\t", "\u0000", "{{{{{{{{{{{{{{{{{{{{",
        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nbands: *c", "bands: *nowhere", "&a {bands: [*a]}", "bands: [&b {name: *b}]",
        "bands: &x [*x]", "%YAML 9.9\n---\nbands: 1", "bands: !!set {a, b}", "!!java.net.URL [http://localhost]: 1", "bands: \"\\uD800\"",
        "\uD800: 1"})
    void anythingElseIsRefusedInOneLine(String yaml) {
        FormatException e = assertThrows(FormatException.class, () -> PolicyFile.parse("mine.yaml", yaml));
        assertTrue(e.getMessage().startsWith("mine.yaml: "), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }

    @Test
    void damagedFilesNeverEndInAnythingButAFormatException() {
        byte[] good = PolicyFile.adaptiveText().getBytes(StandardCharsets.UTF_8);
        int refused = 0;
        for (int seed = 0; seed < 500; seed++) {
            Random random = new Random(seed);
            byte[] bytes = good.clone();
            for (int i = 0; i < 1 + random.nextInt(4); i++) {
                bytes[random.nextInt(bytes.length)] = (byte) "{}[]:-#&*!|>'\"%@`, \n\tax0.".charAt(random.nextInt(25));
            }
            try {
                PolicyFile.parse("seed " + seed, new String(bytes, StandardCharsets.UTF_8));
            } catch (FormatException e) {
                refused++;
                assertEquals(1, e.getMessage().lines().count(), e.getMessage());
            }
        }
        assertTrue(refused > 50, "only " + refused + " of 500 damaged files were refused");
    }

    @Test
    void filesAreReadFromDisk(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("mine.yaml");
        Files.writeString(file, SMALL);
        assertEquals(PolicyFile.parse(file.toString(), SMALL), PolicyFile.read(file));
        assertTrue(problem(directory.resolve("none.yaml")).endsWith("none.yaml: cannot be read: there is no such file"));
        assertTrue(problem(directory).contains("cannot be read"));
        Files.write(file, new byte[] {'a', (byte) 0xff, (byte) 0xfe});
        assertTrue(problem(file).endsWith("is not UTF-8 text, expected a policy in YAML"));
        Files.writeString(file, "#" + " ".repeat(70_000));
        assertTrue(problem(file).endsWith("is larger than a policy may be, 65536 bytes"));
    }

    private static String problem(Path path) {
        return assertThrows(FormatException.class, () -> PolicyFile.read(path)).getMessage();
    }
}
