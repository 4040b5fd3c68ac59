package io.chunkwise.model.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;

/** Loads the native library of HuggingFace's tokenizers from the class path, once; no network, no cache directory. */
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
                String resource = "/native/lib/" + platform + "/cpu/" + FILE_NAME;
                try (InputStream library = TokenizersLibrary.class.getResourceAsStream(resource)) {
                    if (library != null) {
                        loadCopy(library);
                        return Optional.empty();
                    }
                } catch (IOException e) {
                    failure = "its copy in the directory for temporary files cannot be written: " + e.getMessage();
                } catch (UnsatisfiedLinkError e) { // of another processor, or the directory is mounted noexec
                    failure = e.getMessage();
                }
            }
            return Optional.of(failure);
        }

        private static void loadCopy(InputStream library) throws IOException {
            Path copy = Files.createTempFile("tokenizers", FILE_NAME);
            try {
                Files.copy(library, copy, StandardCopyOption.REPLACE_EXISTING);
                System.load(copy.toString());
            } finally {
                Files.deleteIfExists(copy); // a loaded library needs its file no more
            }
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
