package io.chunkwise.tests.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The small real model of the reference data, its adapters, and what transformers and peft say of them. */
final class Stories {
    private Stories() {
    }

    static Path model() {
        return SharedData.assumePresent("stories260K");
    }

    /** @param name "shakespeare" or "grimm" */
    static Path adapter(String name) {
        return SharedData.assumePresent("stories260K-lora-" + name);
    }

    /** A copy that a test may change, or put a ladder beside. */
    static Path copyOfAdapter(String name, Path into) {
        return copy(adapter(name), into.resolve("adapter-" + name), List.of("adapter_config.json", "adapter_model.safetensors"));
    }

    static Path copyOfModel(Path into) {
        return copy(model(), into.resolve("model"), List.of("config.json", "model.safetensors", "tokenizer.model"));
    }

    static JsonNode golden() {
        try {
            return new ObjectMapper().readTree(SharedData.assumePresent("stories260K-golden.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path copy(Path from, Path to, List<String> files) {
        try {
            Files.createDirectories(to);
            for (String file : files) {
                Files.write(to.resolve(file), Files.readAllBytes(from.resolve(file)));
            }
            return to;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
