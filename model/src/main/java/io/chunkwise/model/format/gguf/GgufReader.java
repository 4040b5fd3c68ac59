package io.chunkwise.model.format.gguf;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.MappedFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the head of a GGUF file, one method per production of the specification. Nothing is allocated before the file
 * was found long enough to hold it.
 */
final class GgufReader {
    private static final int MAGIC = 0x46554747; // "GGUF", little-endian
    private static final int LONGEST_KEY = 65_535; // of the specification
    private static final int LONGEST_TENSOR_NAME = 64; // of the specification
    private static final int MOST_DIMENSIONS = 4; // of the specification
    // Deviation: real files stay below 64 MiB and 10,000 tensors; the specification sets no limit, our heap does.
    private static final long LONGEST_HEAD = 128L << 20;
    private static final long MOST_TENSORS = 1L << 20;
    private static final int SMALLEST_PAIR = 8 + 4 + 1; // key length, type, value
    private static final int SMALLEST_TENSOR_INFO = 8 + 1 + 4 + 8 + 4 + 8; // name of one byte, one dimension

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** {@code gguf_metadata_value_type}, in the order of its numbers from 0; bytes of one value, or the fewest that it can take. */
    private enum ValueType {
        UINT8(1), INT8(1), UINT16(2), INT16(2), UINT32(4), INT32(4), FLOAT32(4), BOOL(1), STRING(8), ARRAY(12),
        UINT64(8), INT64(8), FLOAT64(8);

        private final int bytes;

        ValueType(int bytes) {
            this.bytes = bytes;
        }
    }

    /** A tensor as the head announces it; {@code offset} counts from the start of the tensor data. */
    record TensorInfo(String name, List<Long> shape, GgmlType type, long offset) {
    }

    /** {@code gguf_header_t} and the tensor infos; {@code end} is the position after them. */
    record Head(int version, Map<String, Object> metadata, List<TensorInfo> tensors, long end) {
    }

    private final String file;
    private final MemorySegment bytes;
    private long at;

    GgufReader(MappedFile mapped) {
        file = mapped.name();
        bytes = mapped.bytes();
    }

    /** gguf_file_t without its tensor data. */
    Head readHead() {
        readMagic();
        int version = readVersion();
        long tensorCount = readCount("tensor count", SMALLEST_TENSOR_INFO, MOST_TENSORS);
        long pairCount = readCount("metadata count", SMALLEST_PAIR, Long.MAX_VALUE);
        Map<String, Object> metadata = readMetadata(pairCount);
        List<TensorInfo> tensors = new ArrayList<>();
        for (long i = 0; i < tensorCount; i++) {
            tensors.add(readTensorInfo(i));
        }
        return new Head(version, metadata, tensors, at);
    }

    private void readMagic() {
        if (bytes.byteSize() < 4 || bytes.get(INT, 0) != MAGIC) {
            throw problem("is not a GGUF file: it does not begin with 'GGUF'");
        }
        at = 4;
    }

    private int readVersion() {
        int version = readInt("version");
        if (version == Integer.reverseBytes(2) || version == Integer.reverseBytes(3)) {
            throw problem("is a big-endian GGUF file, which is not supported; convert it to little-endian");
        }
        if (version != 2 && version != 3) {
            throw problem("has GGUF version " + Integer.toUnsignedString(version) + ", expected 2 or 3; convert the model again");
        }
        return version;
    }

    /** gguf_metadata_kv_t metadata_kv[metadata_kv_count]. */
    private Map<String, Object> readMetadata(long count) {
        Map<String, Object> metadata = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            String key = readName("metadata key " + i, LONGEST_KEY);
            Object value = readValue(key, readValueType(key));
            if (metadata.put(key, value) != null) {
                throw problem("metadata key '" + key + "' occurs twice");
            }
        }
        return metadata;
    }

    /** gguf_metadata_value_type. */
    private ValueType readValueType(String key) {
        int number = readInt("type of '" + key + "'");
        if (number < 0 || number >= ValueType.values().length) {
            throw problem("'" + key + "' has the unknown metadata type " + Integer.toUnsignedString(number));
        }
        return ValueType.values()[number];
    }

    /** gguf_metadata_value_t. */
    private Object readValue(String key, ValueType type) {
        if (type == ValueType.STRING) {
            return readString(key, Integer.MAX_VALUE);
        }
        if (type == ValueType.ARRAY) {
            return readArray(key);
        }
        long start = take(type.bytes, key);
        return switch (type) {
            case UINT8, INT8, UINT16, INT16, UINT32, INT32, INT64 -> integerAt(type, start);
            case UINT64 -> {
                long value = bytes.get(LONG, start);
                yield value >= 0 ? value : new BigInteger(Long.toUnsignedString(value));
            }
            case FLOAT32 -> bytes.get(FLOAT, start);
            case FLOAT64 -> bytes.get(DOUBLE, start);
            case BOOL -> booleanAt(key, start);
            case STRING, ARRAY -> throw new AssertionError(type);
        };
    }

    /** The array of gguf_metadata_value_t: type, length, values. */
    private Object readArray(String key) {
        ValueType type = readValueType(key);
        if (type == ValueType.ARRAY) {
            throw problem("'" + key + "' is an array of arrays, which is not supported");
        }
        int length = (int) readCount("length of array '" + key + "'", type.bytes, Integer.MAX_VALUE - 8);
        if (type == ValueType.STRING) {
            String[] strings = new String[length];
            for (int i = 0; i < length; i++) {
                strings[i] = readString(key, Integer.MAX_VALUE);
            }
            return List.of(strings);
        }
        long start = take((long) length * type.bytes, key);
        return switch (type) {
            case UINT8, INT8, UINT16, INT16, INT32 -> {
                int[] values = new int[length];
                Arrays.setAll(values, i -> (int) integerAt(type, start + (long) i * type.bytes));
                yield values;
            }
            case UINT32, UINT64, INT64 -> {
                long[] values = new long[length];
                Arrays.setAll(values, i -> integerAt(type, start + (long) i * type.bytes));
                yield values;
            }
            case FLOAT32 -> bytes.asSlice(start, (long) length * type.bytes).toArray(FLOAT);
            case FLOAT64 -> bytes.asSlice(start, (long) length * type.bytes).toArray(DOUBLE);
            case BOOL -> {
                boolean[] values = new boolean[length];
                for (int i = 0; i < length; i++) {
                    values[i] = booleanAt(key, start + i);
                }
                yield values;
            }
            case STRING, ARRAY -> throw new AssertionError(type);
        };
    }

    private long integerAt(ValueType type, long start) {
        return switch (type) {
            case UINT8 -> bytes.get(BYTE, start) & 0xff;
            case INT8 -> bytes.get(BYTE, start);
            case UINT16 -> bytes.get(SHORT, start) & 0xffff;
            case INT16 -> bytes.get(SHORT, start);
            case UINT32 -> bytes.get(INT, start) & 0xffff_ffffL;
            case INT32 -> bytes.get(INT, start);
            case UINT64, INT64 -> bytes.get(LONG, start);
            case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> throw new AssertionError(type);
        };
    }

    private boolean booleanAt(String key, long start) {
        byte value = bytes.get(BYTE, start);
        if (value != 0 && value != 1) {
            throw problem("'" + key + "' is a truth value of " + (value & 0xff) + ", expected 0 or 1");
        }
        return value == 1;
    }

    /** gguf_tensor_info_t. Dimensions are stored fastest first, and returned slowest first. */
    private TensorInfo readTensorInfo(long index) {
        String name = readName("name of tensor " + index, LONGEST_TENSOR_NAME);
        int dimensions = readInt("dimension count of '" + name + "'");
        if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
            throw problem("'" + name + "' has " + Integer.toUnsignedString(dimensions) + " dimensions, expected 1 to " + MOST_DIMENSIONS);
        }
        Long[] shape = new Long[dimensions];
        for (int i = dimensions - 1; i >= 0; i--) {
            shape[i] = readLong("dimensions of '" + name + "'");
            if (shape[i] < 1) {
                throw problem("'" + name + "' has a dimension of " + Long.toUnsignedString(shape[i]));
            }
        }
        int typeNumber = readInt("type of '" + name + "'");
        GgmlType type = GgmlType.of(typeNumber).orElseThrow(
                () -> problem("'" + name + "' has the unknown tensor type " + Integer.toUnsignedString(typeNumber)));
        return new TensorInfo(name, List.of(shape), type, readLong("offset of '" + name + "'"));
    }

    /** A gguf_string_t that names something: not empty, not longer than the specification allows. */
    private String readName(String what, int longest) {
        String name = readString(what, longest);
        if (name.isEmpty()) {
            throw problem(what + " is empty");
        }
        return name;
    }

    /** gguf_string_t: UTF-8 without a terminating zero. */
    private String readString(String what, int longest) {
        long length = readCount("length of the string of " + what, 1, longest);
        byte[] utf8 = bytes.asSlice(take(length, what), length).toArray(BYTE);
        String text = new String(utf8, StandardCharsets.UTF_8);
        if (text.indexOf('\uFFFD') >= 0) {
            requireUtf8(utf8, what);
        }
        return text;
    }

    private void requireUtf8(byte[] utf8, String what) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8));
        } catch (CharacterCodingException e) {
            throw problem(what + " has a string that is not UTF-8, before byte " + at);
        }
    }

    /** A uint64 that counts things of at least {@code smallest} bytes each, which therefore must fit the rest of the file. */
    private long readCount(String what, int smallest, long most) {
        long count = readLong(what);
        long room = Math.min(bytes.byteSize(), LONGEST_HEAD) - at;
        if (count < 0 || count > most || count > room / smallest) {
            throw problem(what + " is " + Long.toUnsignedString(count) + ", more than expected or than the " + (bytes.byteSize() - at)
                    + " bytes that follow can hold. The file is damaged or was cut short.");
        }
        return count;
    }

    private int readInt(String what) {
        return bytes.get(INT, take(4, what));
    }

    private long readLong(String what) {
        return bytes.get(LONG, take(8, what));
    }

    /** Moves past {@code length} bytes that belong to {@code what} and returns where they start. */
    private long take(long length, String what) {
        long start = at;
        if (length > bytes.byteSize() - start) {
            throw problem("ends at byte " + bytes.byteSize() + ", within " + what + ". The file was cut short; fetch it again.");
        }
        if (length > LONGEST_HEAD - start) {
            throw problem("has more than " + (LONGEST_HEAD >> 20) + " MiB of metadata, at " + what);
        }
        at = start + length;
        return start;
    }

    private FormatException problem(String text) {
        return new FormatException(file, text);
    }
}
