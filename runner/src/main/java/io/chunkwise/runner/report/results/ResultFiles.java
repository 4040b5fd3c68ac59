package io.chunkwise.runner.report.results;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Finds result files and reads them whole; one that is something else is refused. */
public final class ResultFiles {
    private static final long MOST_BYTES = 1 << 28;
    private static final ObjectMapper MAPPER = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private ResultFiles() {
    }

    /**
     * @param places files, and folders of which every {@code *.json} is meant
     * @throws FormatException if one cannot be read as a result
     */
    public static List<Result> read(List<Path> places) {
        Collection<Path> files = files(places);
        List<Result> results = new ArrayList<>();
        for (Path file : files) {
            long same = files.stream().filter(other -> other.getFileName().equals(file.getFileName())).count();
            results.add(read(file, (same > 1 ? file : file.getFileName()).toString()));
        }
        return results;
    }

    /** A file that is given twice, or with its folder, too, counts once. */
    private static Collection<Path> files(List<Path> places) {
        Map<Path, Path> files = new LinkedHashMap<>();
        for (Path place : places) {
            try {
                if (!Files.isDirectory(place)) {
                    files.putIfAbsent(place.toRealPath(), place);
                    continue;
                }
                List<Path> found;
                try (Stream<Path> inside = Files.list(place)) {
                    found = inside.filter(file -> file.toString().endsWith(".json") && Files.isRegularFile(file)).sorted().toList();
                }
                if (found.isEmpty()) {
                    throw new FormatException(place.toString(), "has no *.json files; save results there with --json");
                }
                for (Path file : found) {
                    files.putIfAbsent(file.toRealPath(), file);
                }
            } catch (NoSuchFileException e) {
                throw new FormatException(place.toString(), "there is no such file or folder", e);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return files.values();
    }

    private static Result read(Path file, String name) {
        List<JsonNode> documents = documents(file);
        if (documents.isEmpty()) {
            throw new FormatException(file.toString(), "is empty; did the command that wrote it fail?");
        }
        JsonNode first = documents.getFirst();
        if (first.has("id") && first.has("result") && first.has("configuration")) {
            throw new FormatException(file.toString(), "has single results of eval; 'chunkwise eval merge " + file.getFileName()
                    + " --json' makes figures of them");
        }
        if (first.path("kind").asText().equals("bench")) {
            return ResultReader.bench(file.toString(), name, documents);
        }
        if (documents.size() > 1) {
            throw new FormatException(file.toString(), "has " + documents.size() + " JSON documents, expected one; several are read of "
                    + "'chunkwise bench --output jsonl' alone");
        }
        return ResultReader.read(new Fields(file.toString(), "", first), name);
    }

    private static List<JsonNode> documents(Path file) {
        List<JsonNode> documents = new ArrayList<>();
        try {
            if (!Files.isRegularFile(file)) {
                throw new FormatException(file.toString(), "is no file");
            }
            if (Files.size(file) > MOST_BYTES) {
                throw new FormatException(file.toString(), "is too large for a result (" + (Files.size(file) >> 20) + " MiB; "
                        + (MOST_BYTES >> 20) + " at most)");
            }
            try (JsonParser parser = MAPPER.createParser(file.toFile())) {
                for (JsonNode document = MAPPER.readTree(parser); document != null; document = MAPPER.readTree(parser)) {
                    documents.add(document);
                }
            }
        } catch (JsonProcessingException e) {
            throw new FormatException(file.toString(), "is not JSON: " + e.getOriginalMessage() + (e.getLocation() == null ? ""
                    : " (line " + e.getLocation().getLineNr() + ")"), e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return documents;
    }
}
