package io.chunkwise.model.format.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.MappedFile;
import java.io.IOException;
import java.io.StringReader;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads the head of a safetensors file: its length, then a JSON object of tensors and {@code __metadata__}. */
final class SafetensorsHeader {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long LONGEST_HEADER = 100_000_000; // of the format
    // Deviation: the format sets no limit; no framework writes more dimensions.
    private static final int MOST_DIMENSIONS = 32;
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(16).build()).build();

    /** A tensor as the header announces it; offsets count from the end of the header. */
    record Entry(String name, SafetensorsType type, List<Long> shape, long begin, long end) {
    }

    private final MappedFile file;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final long dataStart;

    /**
     * Parses and checks the header.
     *
     * @throws FormatException if it breaks a rule of the format
     */
    SafetensorsHeader(MappedFile file) {
        this.file = file;
        String json = readJson();
        dataStart = 8 + file.bytes().get(LONG, 0);
        try (JsonParser parser = JSON.createParser(new StringReader(json))) {
            readHeader(parser);
        } catch (JsonProcessingException e) {
            long position = e.getLocation() == null ? -1 : e.getLocation().getCharOffset();
            throw problem("the header is not valid JSON at character " + position + ": " + e.getOriginalMessage());
        } catch (IOException e) {
            throw problem("the header cannot be read: " + e.getMessage());
        }
        requireContiguous();
    }

    Iterable<Entry> entries() {
        return entries.values();
    }

    Map<String, String> metadata() {
        return metadata;
    }

    long dataStart() {
        return dataStart;
    }

    private String readJson() {
        long size = file.bytes().byteSize();
        if (size < 8) {
            throw problem("has " + size + " bytes, too few for a safetensors file");
        }
        long length = file.bytes().get(LONG, 0);
        if (length < 2 || length > LONGEST_HEADER) {
            throw problem("is not a safetensors file: its header length is " + Long.toUnsignedString(length) + ", expected 2 to "
                    + LONGEST_HEADER);
        }
        if (length > size - 8) {
            throw problem("ends within its header of " + length + " bytes. The file was cut short; fetch it again.");
        }
        if (file.bytes().get(ValueLayout.JAVA_BYTE, 8) != '{') {
            throw problem("is not a safetensors file: its header does not begin with '{'");
        }
        byte[] utf8 = file.bytes().asSlice(8, length).toArray(ValueLayout.JAVA_BYTE);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
        } catch (CharacterCodingException e) {
            throw problem("the header is not UTF-8");
        }
    }

    private void readHeader(JsonParser parser) throws IOException {
        expect(parser, parser.nextToken(), JsonToken.START_OBJECT, "the header");
        boolean seenMetadata = false;
        for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
            if (key.equals("__metadata__")) {
                if (seenMetadata) {
                    throw problem("'__metadata__' occurs twice");
                }
                seenMetadata = true;
                readMetadata(parser);
            } else if (entries.put(key, readEntry(parser, key)) != null) {
                throw problem("tensor '" + key + "' occurs twice");
            }
        }
        if (parser.nextToken() != null) {
            throw problem("the header has something after its closing brace");
        }
    }

    private void readMetadata(JsonParser parser) throws IOException {
        expect(parser, parser.nextToken(), JsonToken.START_OBJECT, "'__metadata__'");
        for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
            expect(parser, parser.nextToken(), JsonToken.VALUE_STRING, "'" + key + "' of '__metadata__'");
            if (metadata.put(key, parser.getText()) != null) {
                throw problem("'" + key + "' occurs twice in '__metadata__'");
            }
        }
    }

    private Entry readEntry(JsonParser parser, String name) throws IOException {
        String quoted = "'" + name + "'";
        expect(parser, parser.nextToken(), JsonToken.START_OBJECT, quoted);
        SafetensorsType type = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        Set<String> seen = new HashSet<>();
        for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
            if (!seen.add(key)) {
                throw problem("'" + key + "' occurs twice in " + quoted);
            }
            JsonToken token = parser.nextToken();
            switch (key) {
                case "dtype" -> {
                    expect(parser, token, JsonToken.VALUE_STRING, "'dtype' of " + quoted);
                    String dtype = parser.getText();
                    type = SafetensorsType.of(dtype).orElseThrow(() -> problem(quoted + " has the unknown dtype '" + dtype + "'"));
                }
                case "shape" -> shape = readSizes(parser, token, "'shape' of " + quoted, MOST_DIMENSIONS);
                case "data_offsets" -> offsets = readSizes(parser, token, "'data_offsets' of " + quoted, 2);
                default -> parser.skipChildren(); // the format lets writers add fields
            }
        }
        if (type == null || shape == null || offsets == null || offsets.size() != 2) {
            throw problem(quoted + " needs 'dtype', 'shape' and two 'data_offsets'");
        }
        return new Entry(name, type, shape, offsets.get(0), offsets.get(1));
    }

    private List<Long> readSizes(JsonParser parser, JsonToken token, String what, int most) throws IOException {
        expect(parser, token, JsonToken.START_ARRAY, what);
        List<Long> sizes = new ArrayList<>();
        for (JsonToken next = parser.nextToken(); next != JsonToken.END_ARRAY; next = parser.nextToken()) {
            expect(parser, next, JsonToken.VALUE_NUMBER_INT, "an element of " + what);
            long size = parser.getLongValue();
            if (parser.getText().startsWith("-")) {
                throw problem(what + " has the negative number " + parser.getText());
            }
            if (sizes.size() == most) {
                throw problem(what + " has more than " + most + " numbers");
            }
            sizes.add(size);
        }
        return List.copyOf(sizes);
    }

    private void expect(JsonParser parser, JsonToken found, JsonToken expected, String what) {
        if (found != expected) {
            throw problem(what + " is " + describe(found) + ", expected " + describe(expected) + ", at character "
                    + parser.currentTokenLocation().getCharOffset() + " of the header");
        }
    }

    private static String describe(JsonToken token) {
        return switch (token) {
            case null -> "missing";
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            case VALUE_STRING -> "a string";
            case VALUE_NUMBER_INT -> "an integer";
            case VALUE_NUMBER_FLOAT -> "a number with a fraction";
            case VALUE_TRUE, VALUE_FALSE -> "a truth value";
            case VALUE_NULL -> "null";
            case NOT_AVAILABLE, END_OBJECT, END_ARRAY, FIELD_NAME, VALUE_EMBEDDED_OBJECT -> "incomplete";
        };
    }

    /** Tensors fill the rest of the file in some order, without holes or overlaps, each as long as its shape says. */
    private void requireContiguous() {
        long position = 0;
        List<Entry> ordered = entries.values().stream()
                .sorted((a, b) -> a.begin() != b.begin() ? Long.compare(a.begin(), b.begin()) : Long.compare(a.end(), b.end())).toList();
        for (Entry entry : ordered) {
            if (entry.begin() != position || entry.end() < entry.begin()) {
                throw problem("'" + entry.name() + "' has data_offsets [" + entry.begin() + ", " + entry.end()
                        + "], expected them to begin at " + position + ": tensors overlap or leave a hole");
            }
            long bytes = bytes(entry);
            if (entry.end() - entry.begin() != bytes) {
                throw problem("'" + entry.name() + "' " + entry.shape() + " of " + entry.type() + " takes " + bytes
                        + " bytes, but its data_offsets span " + (entry.end() - entry.begin()));
            }
            position = entry.end();
        }
        long available = file.bytes().byteSize() - dataStart;
        if (position != available) {
            throw problem("has " + available + " bytes of tensor data, but its header describes " + position
                    + (position > available ? ". The file was cut short; fetch it again." : ""));
        }
    }

    private long bytes(Entry entry) {
        try {
            long elements = entry.shape().stream().reduce(1L, Math::multiplyExact);
            long bits = Math.multiplyExact(elements, (long) entry.type().bits());
            if (bits % 8 != 0) {
                throw problem("'" + entry.name() + "' does not fill whole bytes");
            }
            return bits / 8;
        } catch (ArithmeticException e) {
            throw problem("'" + entry.name() + "' of " + entry.shape() + " is too large for any file");
        }
    }

    private FormatException problem(String text) {
        return new FormatException(file.name(), text);
    }
}
