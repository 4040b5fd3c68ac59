package io.chunkwise.model.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Small JSON files beside the weights: configurations and indexes. */
public final class JsonFile {
    private static final long LONGEST = 32 << 20; // bytes; the longest index seen has 3 MB
    private static final ObjectMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private JsonFile() {
    }

    /**
     * Reads a file that holds one JSON object (UTF-8, no key twice, nothing after it).
     *
     * @throws FormatException if it is absent, too large or not that
     */
    public static JsonNode readObject(Path file) {
        String name = file.toString();
        MappedFile.requireRegular(file);
        try {
            if (Files.size(file) > LONGEST) {
                throw new FormatException(name, "has " + Files.size(file) + " bytes, too many for a configuration");
            }
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(Files.readAllBytes(file))).toString();
            JsonNode root = JSON.readTree(text);
            if (!root.isObject()) {
                throw new FormatException(name, "is not a JSON object");
            }
            return root;
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
            throw new FormatException(name, "is not valid JSON, line " + line + ": " + e.getOriginalMessage(), e);
        } catch (CharacterCodingException e) {
            throw new FormatException(name, "is not UTF-8", e);
        } catch (IOException e) {
            throw MappedFile.unreadable(file, e);
        }
    }
}
