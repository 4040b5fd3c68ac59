package io.chunkwise.model.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import ai.djl.util.Utils;
import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/**
 * Loads the native library of HuggingFace's tokenizers from the class path, once. Nothing is downloaded. The library is
 * unpacked into DJL's cache directory, because unpacking takes longer than everything else at start-up together.
 */
final class NativeTokenizers {
    private static final String FILE_NAME = System.mapLibraryName("tokenizers");
    private static final List<String> PLATFORMS = List.of("linux-x86_64", "linux-aarch64", "osx-aarch64");

    private NativeTokenizers() {
    }

    /** Loading happens when this class is first used: a model with a SentencePiece vocabulary never pays for it. */
    private static final class Loaded {
        static final Optional<String> FAILURE = load();

        private static Optional<String> load() {
            String failure = "it has no build for this operating system";
            for (String platform : PLATFORMS) {
                URL library = TokenizersLibrary.class.getResource("/native/lib/" + platform + "/cpu/" + FILE_NAME);
                if (library != null) {
                    try {
                        System.load(unpacked(library, platform).toString());
                        return Optional.empty();
                    } catch (IOException e) {
                        failure = "it cannot be unpacked: " + e.getMessage();
                    } catch (UnsatisfiedLinkError e) { // of another processor, or the directory is mounted noexec
                        failure = e.getMessage();
                    }
                }
            }
            return Optional.of(failure);
        }

        private static Path unpacked(URL library, String platform) throws IOException {
            Path directory = Utils.getEngineCacheDir("tokenizers").resolve("chunkwise-" + version() + "-" + platform).toAbsolutePath();
            Path target = directory.resolve(FILE_NAME);
            long size = library.openConnection().getContentLengthLong();
            if (Files.isRegularFile(target) && Files.size(target) == size) {
                return target;
            }
            Files.createDirectories(directory);
            Path copy = Files.createTempFile(directory, "unpacking", ".tmp");
            try (InputStream content = library.openStream()) {
                Files.copy(content, copy, StandardCopyOption.REPLACE_EXISTING);
                Files.move(copy, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(copy);
            }
            return target;
        }

        private static String version() throws IOException {
            Properties properties = new Properties();
            try (InputStream in = TokenizersLibrary.class.getResourceAsStream("/native/lib/tokenizers.properties")) {
                if (in != null) {
                    properties.load(in);
                }
            }
            return properties.getProperty("version", "unversioned");
        }
    }

    /**
     * @param file the tokenizer that it is needed for, named in errors
     * @throws FormatException if the library cannot be loaded here
     */
    static TokenizersLibrary load(String file) {
        if (Loaded.FAILURE.isPresent()) {
            throw new FormatException(file, "needs the native library of HuggingFace's tokenizers, which cannot be loaded: "
                    + Loaded.FAILURE.get() + ". Use a model with a SentencePiece tokenizer.model, or a GGUF file of one.");
        }
        return TokenizersLibrary.LIB;
    }
}
