package io.chunkwise.ladder;

import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.adapter.RotaryOrder;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.safetensors.SafetensorsFile;
import io.chunkwise.model.format.safetensors.SafetensorsWriter;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaTensorNames;
import io.chunkwise.model.llama.RotaryPairing;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A ladder as a safetensors file, so that the SVD is done once. Per site it has {@code <module>.sigma} [rank], {@code .down} [rank,
 * inputs] and {@code .up} [outputs, rank] in F32, query and key rows in HALVES order whatever base it was built for. A calibrated ladder
 * also has {@code token_benefit} [vocabulary] and {@code token_benefit.history} [n]. The metadata ties it to its adapter (the hash of the
 * adapter's files), to the base model's sizes, and to its own content.
 */
public final class LadderFile {
    private static final String VERSION = "1";
    private static final String FORMAT_KEY = "chunkwise.ladder";
    private static final String ADAPTER_KEY = "chunkwise.adapter.sha256";
    private static final String NAME_KEY = "chunkwise.adapter.name";
    private static final String MODEL_KEY = "chunkwise.model";
    private static final String CONTENT_KEY = "chunkwise.content.sha256";
    private static final String REBUILD = "rebuild it with 'chunkwise ladder'";
    private static final String BENEFIT = "token_benefit";
    private static final String HISTORY = "token_benefit.history";
    private static final long PIECE = 1 << 26; // bytes hashed at once
    private static final RotaryPairing STORED_ORDER = RotaryPairing.HALVES;

    private LadderFile() {
    }

    /** Where an adapter's ladder is kept: in a PEFT directory as ladder.safetensors, beside x.gguf as x.ladder.safetensors. */
    public static Path beside(Path adapter) {
        if (Files.isDirectory(adapter)) {
            return adapter.resolve("ladder.safetensors");
        }
        String file = String.valueOf(adapter.getFileName());
        return adapter.resolveSibling(file.endsWith(".gguf") ? file.substring(0, file.length() - ".gguf".length()) + ".ladder.safetensors"
                : "ladder.safetensors");
    }

    /**
     * Saves a ladder; a file that was there is replaced when the new one is complete.
     *
     * @param config      of the base model that the ladder's adapter was opened for
     * @param adapterHash {@link io.chunkwise.model.adapter.AdapterFiles#hash}
     * @throws IOException if the file cannot be written; nothing of it is left then
     */
    public static void save(Path file, RankLadder ladder, LlamaConfig config, String adapterHash) throws IOException {
        try (Arena memory = Arena.ofConfined()) {
            List<TensorView> tensors = new ArrayList<>();
            ladder.sites().forEach((at, site) -> {
                LowRankPair pair = RotaryOrder.reorder(at, site.pair(), config, config.rotaryPairing(), STORED_ORDER);
                long rank = pair.rank();
                tensors.add(tensor(memory, name(at, "sigma"), List.of(rank), site.sigmas()));
                tensors.add(tensor(memory, name(at, "down"), List.of(rank, (long) pair.inputs()), pair.down()));
                tensors.add(tensor(memory, name(at, "up"), List.of((long) pair.outputs(), rank), pair.up()));
            });
            ladder.benefit().ifPresent(benefit -> {
                tensors.add(tensor(memory, BENEFIT, List.of((long) benefit.vocabSize()), benefit.table()));
                tensors.add(tensor(memory, HISTORY, List.of((long) benefit.history().length), benefit.history()));
            });
            SafetensorsWriter.write(file, tensors, Map.of(FORMAT_KEY, VERSION, ADAPTER_KEY, adapterHash, NAME_KEY, ladder.name(),
                    MODEL_KEY, fingerprint(config), CONTENT_KEY, contentHash(ladder.name(), tensors)));
        }
    }

    /**
     * Loads a ladder, with query and key rows in the base model's order. Does not start ND4J.
     *
     * @param config       of the base model that it shall run on
     * @param expectedHash of the adapter as it is now
     * @throws FormatException if the file is malformed, was built from another version of the adapter, or for another model
     */
    public static RankLadder load(Path file, LlamaConfig config, String expectedHash) {
        try (Arena memory = Arena.ofConfined()) {
            SafetensorsFile saved = SafetensorsFile.open(file, memory);
            Map<String, String> metadata = saved.metadata();
            checkKind(file, metadata, config, expectedHash);
            Map<AdapterSite, Parts> parts = new LinkedHashMap<>();
            for (int layer = 0; layer < config.layers(); layer++) {
                for (WeightRole role : WeightRole.ADAPTABLE) {
                    AdapterSite at = new AdapterSite(layer, role);
                    if (saved.hasTensor(name(at, "sigma"))) {
                        parts.put(at, parts(saved, at, config));
                    }
                }
            }
            List<TensorView> tensors = new ArrayList<>(
                    parts.values().stream().flatMap(part -> Stream.of(part.sigma(), part.down(), part.up())).toList());
            if (saved.hasTensor(BENEFIT)) {
                tensors.add(saved.tensor(BENEFIT));
                tensors.add(saved.tensor(HISTORY));
            }
            if (parts.isEmpty() || tensors.size() != saved.tensors().size() + saved.unsupportedTensors().size()) {
                throw damaged(saved.name(), "has tensors that belong to no site of the model");
            }
            String name = metadata.getOrDefault(NAME_KEY, "");
            if (!contentHash(name, tensors).equals(metadata.get(CONTENT_KEY))) {
                throw damaged(saved.name(), "does not have the content that was written");
            }
            Map<AdapterSite, LadderSite> sites = new HashMap<>();
            parts.forEach((at, part) -> sites.put(at, site(saved.name(), at, part, config)));
            RankLadder ladder = new RankLadder(name, sites);
            return saved.hasTensor(BENEFIT) ? ladder.withBenefit(benefit(saved, config)) : ladder;
        }
    }

    /** The tensors of one site, shapes checked. */
    private record Parts(TensorView sigma, TensorView down, TensorView up) {
    }

    private static void checkKind(Path file, Map<String, String> metadata, LlamaConfig config, String expectedHash) {
        String version = metadata.get(FORMAT_KEY);
        if (version == null) {
            throw new FormatException(file.toString(), "is not a rank ladder: it has no '" + FORMAT_KEY + "' in its metadata");
        }
        if (!version.equals(VERSION)) {
            throw new FormatException(file.toString(), "is a ladder of format version '" + version + "', expected '" + VERSION + "'; "
                    + REBUILD);
        }
        if (!expectedHash.equals(metadata.get(ADAPTER_KEY))) {
            throw new FormatException(file.toString(), "was built from another version of the adapter; " + REBUILD);
        }
        if (!fingerprint(config).equals(metadata.get(MODEL_KEY))) {
            throw new FormatException(file.toString(), "was built for a model of " + metadata.get(MODEL_KEY) + ", this one has "
                    + fingerprint(config) + "; " + REBUILD);
        }
    }

    private static Parts parts(SafetensorsFile saved, AdapterSite at, LlamaConfig config) {
        Parts parts = new Parts(saved.tensor(name(at, "sigma")), saved.tensor(name(at, "down")), saved.tensor(name(at, "up")));
        List<Long> base = at.role().shape(config);
        long rank = Math.clamp(parts.sigma().elements(), 1L, Math.min(base.get(0), base.get(1)));
        checkShape(saved.name(), parts.sigma(), List.of(rank));
        checkShape(saved.name(), parts.down(), List.of(rank, base.get(1)));
        checkShape(saved.name(), parts.up(), List.of(base.get(0), rank));
        return parts;
    }

    private static void checkShape(String file, TensorView tensor, List<Long> expected) {
        if (tensor.type() != TensorType.F32 || !tensor.shape().equals(expected)) {
            throw damaged(file, "'" + tensor.name() + "' is " + tensor.type() + " " + tensor.shape() + ", expected F32 " + expected);
        }
    }

    private static LadderSite site(String file, AdapterSite at, Parts parts, LlamaConfig config) {
        try {
            LowRankPair pair = new LowRankPair(parts.sigma().rows(), parts.down().columns(), parts.up().rows(),
                    finite(parts.down()), finite(parts.up()));
            return new LadderSite(BlockCodec.decode(parts.sigma()),
                    RotaryOrder.reorder(at, pair, config, STORED_ORDER, config.rotaryPairing()));
        } catch (IllegalArgumentException e) {
            throw damaged(file, "'" + parts.sigma().name() + "': " + e.getMessage());
        }
    }

    private static TokenBenefit benefit(SafetensorsFile saved, LlamaConfig config) {
        TensorView table = saved.tensor(BENEFIT);
        TensorView history = saved.tensor(HISTORY);
        if (table.shape().size() == 1 && table.elements() != config.vocabSize()) {
            throw new FormatException(saved.name(), "was calibrated for a vocabulary of " + table.elements() + " tokens, the model has "
                    + config.vocabSize() + "; calibrate it anew with 'chunkwise ladder --calibrate'");
        }
        checkShape(saved.name(), table, List.of((long) config.vocabSize()));
        checkShape(saved.name(), history, List.of(Math.clamp(history.elements(), 1L, TokenBenefit.LONGEST_HISTORY)));
        try {
            return new TokenBenefit(BlockCodec.decode(table), BlockCodec.decode(history));
        } catch (IllegalArgumentException e) {
            throw damaged(saved.name(), "'" + BENEFIT + "': " + e.getMessage());
        }
    }

    private static float[] finite(TensorView tensor) {
        float[] values = BlockCodec.decode(tensor);
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw new IllegalArgumentException("'" + tensor.name() + "' has the value " + value);
            }
        }
        return values;
    }

    private static FormatException damaged(String file, String problem) {
        return new FormatException(file, problem + ". The ladder is damaged; " + REBUILD + ".");
    }

    private static String name(AdapterSite at, String part) {
        return LlamaTensorNames.huggingFaceModule(at.role(), at.layer()) + "." + part;
    }

    // The sizes that decide whether a ladder's pairs and their row order fit.
    private static String fingerprint(LlamaConfig config) {
        return config.layers() + " layers, hidden size " + config.hiddenSize() + ", " + config.heads() + "/" + config.kvHeads()
                + " heads of " + config.headDim() + ", feed-forward size " + config.ffnSize();
    }

    private static TensorView tensor(Arena memory, String name, List<Long> shape, float[] values) {
        MemorySegment data = memory.allocate(TensorType.F32.bytesFor(values.length), Float.BYTES);
        BlockCodec.encode(TensorType.F32, values, 0, values.length, data, 0);
        return new TensorView(name, TensorType.F32, shape, data);
    }

    private static String contentHash(String ladder, List<TensorView> tensors) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update((ladder + "\n").getBytes(StandardCharsets.UTF_8));
            for (TensorView tensor : tensors) {
                digest.update((tensor.name() + " " + tensor.shape() + "\n").getBytes(StandardCharsets.UTF_8));
                for (long at = 0; at < tensor.data().byteSize(); at += PIECE) {
                    digest.update(tensor.data().asSlice(at, Math.min(PIECE, tensor.data().byteSize() - at)).asByteBuffer());
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }
}
