package io.chunkwise.policy;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.kv.KvFormat;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.Node;

/**
 * Reads policies from YAML. The schema is that of the built-in policy, {@link #adaptiveText()}, which explains every key. A key that is
 * unknown, missing, given twice, of the wrong type or out of range is refused with the line that it is on. Anchors, aliases and tags
 * are not part of the schema.
 */
public final class PolicyFile {
    private static final int LARGEST_FILE = 1 << 16;
    private static final int DEEPEST_NESTING = 8;
    private static final double MOST_COMPONENTS = 1e6;
    private static final double BELOW_1 = Math.nextDown(1.0);
    private static final Estimation DEFAULT = Estimation.NONE;

    private final YamlMapping root;
    private final String name;

    private PolicyFile(String name, YamlMapping root) {
        this.name = name;
        this.root = root;
    }

    /**
     * @param path as the user gave it; at most 64 KiB of UTF-8
     * @throws FormatException in one line: file, line number, what is expected
     */
    public static ChunkPolicy read(Path path) {
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes(LARGEST_FILE + 1);
            if (bytes.length > LARGEST_FILE) {
                throw new FormatException(path.toString(), "is larger than a policy may be, " + LARGEST_FILE + " bytes");
            }
            return parse(path.toString(), StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
        } catch (CharacterCodingException e) {
            throw new FormatException(path.toString(), "is not UTF-8 text, expected a policy in YAML", e);
        } catch (IOException e) {
            throw new FormatException(path.toString(), "cannot be read: " + (Files.exists(path) ? e.getMessage() : "there is no such file"),
                    e);
        }
    }

    /**
     * @param name of the policy, and of the file in messages
     * @param yaml the text of the file
     * @throws FormatException as {@link #read}
     */
    public static ChunkPolicy parse(String name, String yaml) {
        LoaderOptions options = new LoaderOptions();
        options.setNestingDepthLimit(DEEPEST_NESTING);
        options.setMaxAliasesForCollections(0);
        options.setCodePointLimit(LARGEST_FILE);
        try {
            Node node = new Yaml(new SafeConstructor(options)).compose(new StringReader(yaml));
            if (node == null) {
                throw new FormatException(name, "is empty, expected a policy in YAML");
            }
            Set<String> known = keys("signals", "benefit", "lagTokens", "initial", "smoothing", "percentiles",
                    "rungs", "bands", "fadeTokens",
                    "budget", "kv");
            return new PolicyFile(name, new YamlMapping(name, "a policy", node, known)).policy();
        } catch (MarkedYAMLException e) {
            String line = e.getProblemMark() == null ? "" : "line " + (e.getProblemMark().getLine() + 1) + ": ";
            throw new FormatException(name, line + "not YAML: " + e.getProblem(), e);
        } catch (YAMLException e) {
            throw new FormatException(name, "not YAML: " + e.getMessage(), e);
        }
    }

    /** The built-in policy "adaptive" as a commented file, for people to copy. */
    public static String adaptiveText() {
        try (InputStream in = PolicyFile.class.getResourceAsStream("adaptive.yaml")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ChunkPolicy policy() {
        boolean byThreshold = root.has("rungs") && root.word("rungs", List.of("fixed", "threshold")).equals("threshold");
        RungKind rungs = byThreshold ? RungKind.THRESHOLD : RungKind.FIXED;
        List<Band> bands = bands(rungs);
        Estimation estimation = estimation();
        if (bands.size() > 1 && !estimation.estimates()) {
            throw root.problem(root.has("signals") ? root.require("signals") : root.require("bands"),
                    bands.size() + " bands need 'signals', at least one of them with a weight other than 0");
        }
        int fade = root.whole("fadeTokens", 0, 0, ChunkPolicy.LONGEST_FADE);
        double budget = root.has("budget") ? root.number("budget", 0, MOST_COMPONENTS) : Double.POSITIVE_INFINITY;
        return new ChunkPolicy(name, estimation, rungs, bands, fade, budget, kv());
    }

    private Estimation estimation() {
        Optional<YamlMapping> percentiles = root.mapping("percentiles", "'percentiles'",
                keys("windowTokens", "warmupTokens", "expected", "hysteresis"));
        Optional<YamlMapping> signals = root.mapping("signals", "'signals'", keys("entropy", "ngram", "attention", "prior"));
        Optional<YamlMapping> ngram = signals.flatMap(map ->
                map.mapping("ngram", "signal 'ngram'", keys("weight", "windowTokens", "decay")));
        Optional<YamlMapping> prior = signals.flatMap(map -> map.mapping("prior", "signal 'prior'", keys("weight", "tokens")));
        Map<SignalKind, Double> weights = new EnumMap<>(SignalKind.class);
        weigh(SignalKind.NGRAM, ngram, weights);
        weigh(SignalKind.PRIOR, prior, weights);
        for (SignalKind kind : List.of(SignalKind.ENTROPY, SignalKind.ATTENTION)) {
            weigh(kind, signals.flatMap(map -> map.mapping(kind.word(), "signal '" + kind.word() + "'", keys("weight"))), weights);
        }
        return new Estimation(weights,
                root.whole("lagTokens", DEFAULT.lagTokens(), 1, Estimation.LONGEST_WINDOW),
                root.number("initial", DEFAULT.initial(), 0, 1),
                ngram.map(map -> map.whole("windowTokens", DEFAULT.ngramTokens(), 3, Estimation.LONGEST_WINDOW))
                        .orElse(DEFAULT.ngramTokens()),
                ngram.map(map -> map.number("decay", DEFAULT.ngramDecay(), 0, BELOW_1)).orElse(DEFAULT.ngramDecay()),
                prior.map(map -> map.number("tokens", DEFAULT.priorTokens(), Estimation.SHORTEST_PRIOR, Estimation.LONGEST_WINDOW))
                        .orElse(DEFAULT.priorTokens()),
                root.number("smoothing", DEFAULT.smoothing(), 0, BELOW_1),
                percentiles.map(map -> map.whole("windowTokens", DEFAULT.percentileTokens(), 1, Estimation.LONGEST_WINDOW))
                        .orElse(DEFAULT.percentileTokens()),
                percentiles.map(map -> map.whole("warmupTokens", DEFAULT.warmupTokens(), 0, Estimation.LONGEST_WINDOW))
                        .orElse(DEFAULT.warmupTokens()),
                percentiles.filter(map -> map.has("expected")).map(PolicyFile::expected).orElse(DEFAULT.expectedScores()),
                percentiles.map(map -> map.number("hysteresis", DEFAULT.hysteresis(), 0, 50)).orElse(DEFAULT.hysteresis()),
                root.has("benefit") ? BenefitUse.of(root.word("benefit", BenefitUse.words())) : DEFAULT.benefit());
    }

    private static List<Double> expected(YamlMapping percentiles) {
        List<Double> quantiles = percentiles.numbers("expected", 0, 1);
        if (!Estimation.areQuantiles(quantiles)) {
            throw percentiles.wrong("expected", "2 to " + Estimation.MOST_QUANTILES + " ascending numbers from 0 to 1");
        }
        return quantiles;
    }

    private static void weigh(SignalKind kind, Optional<YamlMapping> signal, Map<SignalKind, Double> weights) {
        signal.ifPresent(map -> weights.put(kind, map.number("weight", -Estimation.LARGEST_WEIGHT, Estimation.LARGEST_WEIGHT)));
    }

    private KvBounds kv() {
        return root.mapping("kv", "'kv'", keys("recentTokens", "errorBound", "massBound")).map(map -> new KvBounds(
                map.whole("recentTokens", KvBounds.DEFAULT.recentTokens(), 0, KvBounds.LONGEST_WINDOW),
                map.number("errorBound", KvBounds.DEFAULT.errorBound(), 0, 1),
                map.number("massBound", KvBounds.DEFAULT.massBound(), 0, 1))).orElse(KvBounds.DEFAULT);
    }

    private List<Band> bands(RungKind rungs) {
        List<Node> nodes = root.elements("bands", "a list of bands");
        if (nodes.isEmpty() || nodes.size() > ChunkPolicy.MOST_BANDS) {
            throw root.problem(root.require("bands"), nodes.size() + " bands, expected 1 to " + ChunkPolicy.MOST_BANDS);
        }
        List<Band> bands = new ArrayList<>();
        double before = 0;
        for (Node node : nodes) {
            YamlMapping map = root.of("a band", node,
                    keys("name", "upperPercentile", "minTokens", "maxTokens", "components", "scale", "kv"));
            Band band = band(map, rungs);
            if (bands.stream().anyMatch(other -> other.name().equals(band.name()))) {
                throw map.wrong("name", "a name that no band before has");
            }
            if (band.upperPercentile() <= before) {
                throw map.wrong("upperPercentile", "more than the " + before + " of the band before");
            }
            if (bands.size() == nodes.size() - 1 && band.upperPercentile() != 100) {
                throw map.wrong("upperPercentile", "100 in the last band");
            }
            before = band.upperPercentile();
            bands.add(band);
        }
        return bands;
    }

    private static Band band(YamlMapping map, RungKind rungs) {
        int minTokens = map.whole("minTokens", 1, Band.LONGEST_CHUNK);
        double components = map.numberOr("max", Band.ALL_COMPONENTS, "components", 0, MOST_COMPONENTS);
        if (rungs == RungKind.FIXED && components != Math.rint(components)) {
            throw map.wrong("components", "a whole number or max; fixed rungs have no other");
        }
        return new Band(map.text("name"), map.number("upperPercentile", Math.ulp(0f), 100), minTokens,
                map.whole("maxTokens", minTokens, Band.LONGEST_CHUNK), components,
                (float) map.number("scale", 1, -Band.LARGEST_SCALE, Band.LARGEST_SCALE), formats(map));
    }

    private static List<KvFormat> formats(YamlMapping map) {
        if (!map.has("kv")) {
            return List.of(KvFormat.FULL);
        }
        List<String> words = Arrays.stream(KvFormat.values()).map(format -> format.name().toLowerCase(Locale.ROOT)).toList();
        List<KvFormat> formats = map.words("kv", words).stream().map(word -> KvFormat.values()[words.indexOf(word)]).toList();
        if (!Band.ascend(formats)) {
            throw map.wrong("kv", "full first, then some of q8, q4, evicted in this order");
        }
        return formats;
    }

    private static Set<String> keys(String... keys) {
        return new LinkedHashSet<>(List.of(keys));
    }
}
