package io.chunkwise.model.adapter;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryPairing;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The A and B tensors that an adapter file holds, gathered per site, then checked against the base model and read. */
final class AdapterTensors {
    private static final Pattern LAYER = Pattern.compile("(?:layers|blk)\\.(\\d{1,9})\\.");

    private final String file;
    private final LlamaConfig config;
    private final String baseHint;
    private final Map<AdapterSite, Factors> sites = new LinkedHashMap<>();

    /** What a file says of one site; null where nothing came yet. */
    private record Factors(TensorView down, TensorView up) {
    }

    /**
     * Scale of one site's product.
     *
     * @see Adapter#scale
     */
    interface Scale {
        float of(AdapterSite site, int rank);
    }

    /** @param baseHint where the file says which base model it is for; ends messages about shapes */
    AdapterTensors(String file, LlamaConfig config, String baseHint) {
        this.file = file;
        this.config = config;
        this.baseHint = baseHint;
    }

    /** Every site of a model by the name that a file format gives it. */
    static Map<String, AdapterSite> sitesByName(LlamaConfig config, BiFunction<WeightRole, Integer, String> name) {
        Map<String, AdapterSite> sites = new LinkedHashMap<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            for (WeightRole role : WeightRole.ADAPTABLE) {
                sites.put(name.apply(role, layer), new AdapterSite(layer, role));
            }
        }
        return sites;
    }

    /** A of a site, [rank, inputs]. */
    void addDown(AdapterSite site, TensorView tensor) {
        Factors known = known(site);
        sites.put(site, new Factors(once(known.down(), tensor), known.up()));
    }

    /** B of a site, [outputs, rank]. */
    void addUp(AdapterSite site, TensorView tensor) {
        Factors known = known(site);
        sites.put(site, new Factors(known.down(), once(known.up(), tensor)));
    }

    boolean has(AdapterSite site) {
        return sites.containsKey(site);
    }

    /** A of a site, before any check of its shape. */
    Optional<TensorView> down(AdapterSite site) {
        return Optional.ofNullable(sites.get(site)).map(Factors::down);
    }

    /** What to say of a tensor that belongs to no site of the model, unless it is for a layer that the model doesn't have. */
    FormatException foreign(TensorView tensor, String otherwise) {
        Matcher matcher = LAYER.matcher(tensor.name());
        boolean beyond = matcher.find() && Integer.parseInt(matcher.group(1)) >= config.layers();
        return problem(quoted(tensor) + (beyond
                ? " is for layer " + matcher.group(1) + ", the model has " + config.layers() + " layers. " + baseHint : ": " + otherwise));
    }

    private Factors known(AdapterSite site) {
        return sites.getOrDefault(site, new Factors(null, null));
    }

    private TensorView once(TensorView known, TensorView tensor) {
        if (known != null) {
            throw problem(quoted(known) + " and " + quoted(tensor) + " are for the same place; the file holds more than one adapter");
        }
        return tensor;
    }

    /**
     * Checks and reads everything that was added.
     *
     * @param stored order of the file's query and key rows; the result is in that of the base model
     * @throws FormatException if a factor is missing, does not fit the base model, or has a value that is not finite
     */
    Adapter read(String name, RotaryPairing stored, Scale scale, Progress progress) {
        if (sites.isEmpty()) {
            throw problem("has no LoRA tensors for any projection of the model");
        }
        sites.forEach(this::checkShapes);
        checkHeap();
        Map<AdapterSite, LowRankPair> pairs = new HashMap<>();
        progress.report("adapter", 0, sites.size());
        sites.forEach((site, factors) -> {
            float[] down = finite(factors.down(), 1);
            float[] up = finite(factors.up(), scale.of(site, factors.down().rows()));
            LowRankPair pair = new LowRankPair(factors.down().rows(), factors.down().columns(), factors.up().rows(), down, up);
            pairs.put(site, RotaryOrder.reorder(site, pair, config, stored, config.rotaryPairing()));
            progress.report("adapter", pairs.size(), sites.size());
        });
        return new Adapter(name, 1, pairs);
    }

    private void checkShapes(AdapterSite site, Factors factors) {
        if (factors.up() == null) {
            throw problem(quoted(factors.down()) + " has no matching B tensor. The file is incomplete; fetch it again.");
        }
        if (factors.down() == null) {
            throw problem(quoted(factors.up()) + " has no matching A tensor. The file is incomplete; fetch it again.");
        }
        List<Long> base = site.role().shape(config);
        long rank = factors.down().shape().getFirst();
        if (rank < 1 || rank > Integer.MAX_VALUE / Math.max(base.get(0), base.get(1))) {
            throw problem(quoted(factors.down()) + " is " + factors.down().shape() + ": a rank of " + rank + " is not possible");
        }
        checkShape(factors.down(), List.of(rank, base.get(1)));
        checkShape(factors.up(), List.of(base.get(0), rank));
    }

    private void checkShape(TensorView tensor, List<Long> expected) {
        if (!tensor.shape().equals(expected)) {
            throw problem(quoted(tensor) + " is " + tensor.shape() + ", expected " + expected + ". " + baseHint);
        }
    }

    private void checkHeap() {
        long bytes = sites.values().stream().mapToLong(
                factors -> Float.BYTES * (factors.down().elements() + factors.up().elements())).sum();
        long limit = Runtime.getRuntime().maxMemory();
        if (bytes > limit / 2) {
            throw problem("takes " + (bytes >> 20) + " MiB as floats, more than half of the Java heap of " + (limit >> 20)
                    + " MiB; start Java with a larger -Xmx");
        }
    }

    private float[] finite(TensorView tensor, float scale) {
        float[] values = BlockCodec.decode(tensor);
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw problem(quoted(tensor) + " has the value " + values[i] + " at " + at(tensor, i));
            }
            values[i] *= scale;
            if (!Float.isFinite(values[i])) {
                throw problem(quoted(tensor) + " times the adapter's scale " + scale + " is not finite at " + at(tensor, i));
            }
        }
        return values;
    }

    private static String at(TensorView tensor, int index) {
        return "[" + index / tensor.columns() + ", " + index % tensor.columns() + "]";
    }

    private static String quoted(TensorView tensor) {
        return "'" + tensor.name() + "'";
    }

    private FormatException problem(String text) {
        return new FormatException(file, text);
    }
}
