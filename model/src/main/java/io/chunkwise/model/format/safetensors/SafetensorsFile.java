package io.chunkwise.model.format.safetensors;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.JsonFile;
import io.chunkwise.model.format.MappedFile;
import io.chunkwise.model.format.TensorView;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The tensors of a safetensors file, or of several that an index lists, mapped read-only. Everything but the values of
 * the tensors is checked on opening: what this class hands out lies inside the file.
 */
public final class SafetensorsFile {
    private final String name;
    private final Map<String, TensorView> tensors = new LinkedHashMap<>();
    private final Map<String, String> unsupported = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, String> fileOf = new LinkedHashMap<>();

    private SafetensorsFile(String name) {
        this.name = name;
    }

    /**
     * Maps and checks a file.
     *
     * @param memory owns the mapping
     * @throws FormatException if the file is not a well-formed safetensors file
     */
    public static SafetensorsFile open(Path file, Arena memory) {
        SafetensorsFile opened = new SafetensorsFile(file.toString());
        opened.add(MappedFile.open(file, memory));
        return opened;
    }

    /**
     * Maps and checks all files of an index ({@code model.safetensors.index.json}), which lie beside it.
     *
     * @param memory owns the mappings
     * @throws FormatException if the index or one of the files is malformed, or they contradict each other
     */
    public static SafetensorsFile openSharded(Path index, Arena memory) {
        SafetensorsFile opened = new SafetensorsFile(index.toString());
        JsonNode weightMap = JsonFile.readObject(index).path("weight_map");
        if (!weightMap.isObject() || weightMap.isEmpty()) {
            throw opened.problem("has no 'weight_map' from tensor names to files");
        }
        Map<String, String> shardOf = new TreeMap<>();
        weightMap.properties().forEach(entry -> shardOf.put(entry.getKey(), opened.shardName(entry.getKey(), entry.getValue())));
        for (String shard : new TreeSet<>(shardOf.values())) {
            opened.add(MappedFile.open(index.resolveSibling(shard), memory));
        }
        shardOf.forEach((tensor, shard) -> {
            if (!index.resolveSibling(shard).toString().equals(opened.fileOf.get(tensor))) {
                throw opened.problem("'" + tensor + "' is not in the file '" + shard + "' that the index names for it");
            }
        });
        return opened;
    }

    /** The path of the file or index as it was given, for messages. */
    public String name() {
        return name;
    }

    /** The file that holds a tensor, for messages: one of several where they are sharded. */
    public String fileOf(String tensor) {
        return fileOf.getOrDefault(tensor, name);
    }

    /** The tensors in number formats that we compute with, by name, in the order of the header. */
    public Map<String, TensorView> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    /** Tensors in other number formats: name to dtype, such as "I64". */
    public Map<String, String> unsupportedTensors() {
        return Collections.unmodifiableMap(unsupported);
    }

    /** Whether there is such a tensor, be its number format supported or not. */
    public boolean hasTensor(String tensor) {
        return fileOf.containsKey(tensor);
    }

    /**
     * One tensor.
     *
     * @throws FormatException if it is missing or its number format is not supported
     */
    public TensorView tensor(String tensor) {
        TensorView view = tensors.get(tensor);
        if (view == null) {
            throw new FormatException(fileOf(tensor), unsupported.containsKey(tensor)
                    ? "'" + tensor + "' is " + unsupported.get(tensor) + ", which is not supported; convert to F32, F16 or BF16"
                    : "tensor '" + tensor + "' is missing");
        }
        return view;
    }

    /** {@code __metadata__}; of sharded files what they have together. */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    private void add(MappedFile file) {
        SafetensorsHeader header = new SafetensorsHeader(file);
        metadata.putAll(header.metadata());
        for (SafetensorsHeader.Entry entry : header.entries()) {
            String other = fileOf.put(entry.name(), file.name());
            if (other != null) {
                throw problem("tensor '" + entry.name() + "' is in both '" + other + "' and '" + file.name() + "'");
            }
            entry.type().supported().ifPresentOrElse(
                    type -> tensors.put(entry.name(), new TensorView(entry.name(), type, entry.shape(),
                            file.bytes().asSlice(header.dataStart() + entry.begin(), entry.end() - entry.begin()))),
                    () -> unsupported.put(entry.name(), entry.type().name()));
        }
    }

    /** A shard lies beside the index: a name with a directory in it could lead anywhere. */
    private String shardName(String tensor, JsonNode shard) {
        String file = shard.textValue();
        if (file == null || !file.endsWith(".safetensors") || file.chars().anyMatch(c -> c == '/' || c == '\\' || c < ' ')) {
            throw problem("'" + tensor + "' is said to be in " + shard + ", expected the name of a .safetensors file beside the index");
        }
        return file;
    }

    private FormatException problem(String text) {
        return new FormatException(name, text);
    }
}
