package io.chunkwise.model.format.gguf;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.MappedFile;
import io.chunkwise.model.format.TensorView;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A GGUF file, version 2 or 3, little-endian, mapped read-only. Everything but the values of the tensors is checked on
 * opening: what this class hands out lies inside the file.
 */
public final class GgufFile {
    private static final long DEFAULT_ALIGNMENT = 32; // of the specification
    private static final byte[] MAGIC = {'G', 'G', 'U', 'F'};

    private final String name;
    private final Map<String, Object> metadata;
    private final Map<String, TensorView> tensors = new LinkedHashMap<>();
    private final Map<String, String> unsupported = new LinkedHashMap<>();

    private GgufFile(MappedFile file) {
        name = file.name();
        GgufReader.Head head = new GgufReader(file).readHead();
        metadata = Collections.unmodifiableMap(head.metadata());
        long alignment = alignment();
        long dataStart = Math.ceilDiv(head.end(), alignment) * alignment;
        List<Extent> extents = new ArrayList<>();
        for (GgufReader.TensorInfo info : head.tensors()) {
            if (tensors.containsKey(info.name()) || unsupported.containsKey(info.name())) {
                throw problem("tensor '" + info.name() + "' occurs twice");
            }
            Extent extent = extent(info, alignment, file.bytes().byteSize() - dataStart);
            extents.add(extent);
            info.type().supported().ifPresentOrElse(type -> {
                MemorySegment data = file.bytes().asSlice(dataStart + extent.start(), extent.length());
                tensors.put(info.name(), new TensorView(info.name(), type, info.shape(), data));
            }, () -> unsupported.put(info.name(), info.type().name()));
        }
        requireDisjoint(extents);
    }

    /**
     * Maps and checks a file.
     *
     * @param memory owns the mapping
     * @throws FormatException if the file is not a well-formed GGUF file
     */
    public static GgufFile open(Path file, Arena memory) {
        return new GgufFile(MappedFile.open(file, memory));
    }

    /** Whether a regular file begins like a GGUF file. */
    public static boolean hasMagic(Path file) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            return Arrays.equals(in.readNBytes(MAGIC.length), MAGIC);
        } catch (IOException e) {
            throw new FormatException(file.toString(), "cannot be read: " + e.getMessage(), e);
        }
    }

    /** The path as it was given, for messages. */
    public String name() {
        return name;
    }

    /** The tensors in number formats that we compute with, by name, in the order of the file; shapes slowest dimension first. */
    public Map<String, TensorView> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    /** Tensors in other number formats: name to type, such as "Q4_K". */
    public Map<String, String> unsupportedTensors() {
        return Collections.unmodifiableMap(unsupported);
    }

    /** Whether the file has a tensor, be its number format supported or not. */
    public boolean hasTensor(String tensor) {
        return tensors.containsKey(tensor) || unsupported.containsKey(tensor);
    }

    /**
     * One tensor.
     *
     * @throws FormatException if it is missing or its number format is not supported
     */
    public TensorView tensor(String tensor) {
        TensorView view = tensors.get(tensor);
        if (view == null) {
            throw problem(unsupported.containsKey(tensor)
                    ? "'" + tensor + "' is " + unsupported.get(tensor) + ", which is not supported; convert to Q8_0 or Q4_0"
                    : "tensor '" + tensor + "' is missing");
        }
        return view;
    }

    /**
     * All metadata in the order of the file. Values are Long (BigInteger above 2^63), Float, Double, Boolean, String,
     * {@code List<String>}, int[], long[] (unsigned 64-bit values as their bits), float[], double[] or boolean[]; viewed,
     * do not change.
     */
    public Map<String, Object> metadata() {
        return metadata;
    }

    public Optional<String> string(String key) {
        return Optional.ofNullable(switch (metadata.get(key)) {
            case null -> null;
            case String value -> value;
            case Object other -> throw mismatch(key, "a string", other);
        });
    }

    /** An integer of any width. */
    public Optional<Long> integer(String key) {
        return Optional.ofNullable(switch (metadata.get(key)) {
            case null -> null;
            case Long value -> value;
            case Object other -> throw mismatch(key, "an integer below 2^63", other);
        });
    }

    /** A floating-point number of 32 or 64 bits, rounded to 32. */
    public Optional<Float> floating(String key) {
        return Optional.ofNullable(switch (metadata.get(key)) {
            case null -> null;
            case Float value -> value;
            case Double value -> value.floatValue();
            case Object other -> throw mismatch(key, "a floating-point number", other);
        });
    }

    public Optional<Boolean> bool(String key) {
        return Optional.ofNullable(switch (metadata.get(key)) {
            case null -> null;
            case Boolean value -> value;
            case Object other -> throw mismatch(key, "a truth value", other);
        });
    }

    public Optional<List<String>> strings(String key) {
        return Optional.ofNullable(switch (metadata.get(key)) {
            case null -> null;
            case List<?> values -> values.stream().map(String.class::cast).toList();
            case Object other -> throw mismatch(key, "an array of strings", other);
        });
    }

    /** An array of floating-point numbers of 32 or 64 bits; viewed or copied, do not change. */
    public Optional<float[]> floats(String key) {
        return Optional.ofNullable(switch (metadata.get(key)) {
            case null -> null;
            case float[] values -> values;
            case double[] values -> {
                float[] rounded = new float[values.length];
                for (int i = 0; i < values.length; i++) {
                    rounded[i] = (float) values[i];
                }
                yield rounded;
            }
            case Object other -> throw mismatch(key, "an array of floating-point numbers", other);
        });
    }

    /** An array of integers of any width whose values fit an int; viewed or copied, do not change. */
    public Optional<int[]> integers(String key) {
        return Optional.ofNullable(switch (metadata.get(key)) {
            case null -> null;
            case int[] values -> values;
            case long[] values -> {
                int[] narrowed = new int[values.length];
                for (int i = 0; i < values.length; i++) {
                    narrowed[i] = (int) values[i];
                    if (narrowed[i] != values[i]) {
                        throw problem("'" + key + "' has the value " + values[i] + " at index " + i + ", which is out of range");
                    }
                }
                yield narrowed;
            }
            case Object other -> throw mismatch(key, "an array of integers", other);
        });
    }

    private FormatException mismatch(String key, String expected, Object found) {
        String kind = switch (found) {
            case Long value -> "the integer " + value;
            case BigInteger value -> "the integer " + value;
            case Float value -> "the floating-point number " + value;
            case Double value -> "the floating-point number " + value;
            case Boolean value -> "the truth value " + value;
            case String value -> "the string '" + (value.length() <= 40 ? value : value.substring(0, 40) + "…") + "'";
            case List<?> values -> "an array of " + values.size() + " strings";
            case Object array -> "an array";
        };
        return problem("'" + key + "' is " + kind + ", expected " + expected);
    }

    /** {@code general.alignment}: of the tensor data and of each tensor in it. */
    private long alignment() {
        long alignment = integer("general.alignment").orElse(DEFAULT_ALIGNMENT);
        if (alignment < 8 || alignment > 1 << 30 || Long.bitCount(alignment) != 1) {
            throw problem("'general.alignment' is " + alignment + ", expected a power of two, at least 8");
        }
        return alignment;
    }

    /** Bytes that a tensor takes, relative to the start of the tensor data. */
    private record Extent(String tensor, long start, long length) {
    }

    private Extent extent(GgufReader.TensorInfo info, long alignment, long available) {
        String quoted = "'" + info.name() + "'";
        GgmlType type = info.type();
        if (info.shape().getLast() % type.blockElements() != 0) {
            throw problem(quoted + " has rows of " + info.shape().getLast() + " elements, which are not whole " + type + " blocks of "
                    + type.blockElements());
        }
        long length;
        try {
            long elements = info.shape().stream().reduce(1L, Math::multiplyExact);
            length = Math.multiplyExact(elements / type.blockElements(), (long) type.blockBytes());
        } catch (ArithmeticException e) {
            throw problem(quoted + " of " + info.shape() + " is too large for any file");
        }
        if (info.offset() < 0 || info.offset() % alignment != 0) {
            throw problem(quoted + " has the offset " + Long.toUnsignedString(info.offset()) + ", which is not a multiple of the alignment "
                    + alignment);
        }
        if (info.offset() > available || length > available - info.offset()) {
            throw problem(quoted + " lies outside the file: " + length + " bytes at offset " + info.offset() + " of "
                    + Math.max(0, available) + " bytes of tensor data. The file was cut short; fetch it again.");
        }
        return new Extent(info.name(), info.offset(), length);
    }

    private void requireDisjoint(List<Extent> extents) {
        extents.sort(Comparator.comparingLong(Extent::start));
        for (int i = 1; i < extents.size(); i++) {
            Extent before = extents.get(i - 1);
            if (before.start() + before.length() > extents.get(i).start()) {
                throw problem("tensors '" + before.tensor() + "' and '" + extents.get(i).tensor() + "' overlap");
            }
        }
    }

    private FormatException problem(String text) {
        return new FormatException(name, text);
    }
}
