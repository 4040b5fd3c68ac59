package io.chunkwise.model.adapter;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.gguf.GgufFile;
import io.chunkwise.model.llama.LlamaConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * Opens adapters: a PEFT directory ({@code adapter_config.json} with {@code adapter_model.safetensors}; either file may be
 * named in its place) or a GGUF adapter. Both fit both kinds of base file: rows are brought into the base's order.
 */
public final class AdapterFiles {

    private AdapterFiles() {
    }

    /** What a path turned out to be. */
    private sealed interface Source {
        record Peft(Path directory) implements Source {
        }

        record Gguf(Path file) implements Source {
        }
    }

    /**
     * Reads an adapter into memory; nothing of its files stays open.
     *
     * @param config of the base model that it shall run on
     * @return one component group, scales in the pairs
     * @throws FormatException if a file is malformed, needs what we do not implement, or belongs to another base model
     */
    public static Adapter open(Path source, LlamaConfig config, Progress progress) {
        return switch (find(source)) {
            case Source.Peft(Path directory) -> PeftAdapterFile.read(name(directory), directory, config, progress);
            case Source.Gguf(Path file) -> GgufAdapterFile.read(name(file), file, config, progress);
        };
    }

    /**
     * SHA-256 over the lengths and bytes of an adapter's files: what ties a saved ladder to its adapter.
     *
     * @return 64 hexadecimal digits
     * @throws FormatException if there is no adapter, or it cannot be read
     */
    public static String hash(Path source) {
        MessageDigest digest = sha256();
        List<Path> files = switch (find(source)) {
            case Source.Peft(Path directory) -> List.of(directory.resolve(PeftConfig.FILE), directory.resolve(PeftAdapterFile.TENSORS));
            case Source.Gguf(Path file) -> List.of(file);
        };
        // A renamed GGUF file is the same adapter; the two files of a directory have fixed names.
        for (Path file : files) {
            try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
                digest.update((Files.size(file) + "\n").getBytes(StandardCharsets.UTF_8));
                in.transferTo(OutputStream.nullOutputStream());
            } catch (IOException e) {
                throw new FormatException(file.toString(), "cannot be read: " + e.getMessage(), e);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static Source find(Path source) {
        if (Files.isDirectory(source)) {
            return peft(source);
        }
        if (!Files.exists(source)) {
            throw new FormatException(source.toString(), "no such file or directory");
        }
        String file = String.valueOf(source.getFileName());
        if (file.equals(PeftConfig.FILE) || file.equals(PeftAdapterFile.TENSORS)) {
            return peft(source.toAbsolutePath().getParent());
        }
        if (GgufFile.hasMagic(source)) {
            return new Source.Gguf(source);
        }
        throw new FormatException(source.toString(), "is neither a GGUF file nor a PEFT directory with " + PeftConfig.FILE);
    }

    private static Source peft(Path directory) {
        if (!Files.isRegularFile(directory.resolve(PeftConfig.FILE))) {
            throw new FormatException(directory.toString(), "has no " + PeftConfig.FILE
                    + "; expected a directory that PEFT saved (of several adapters, name one's own directory)");
        }
        if (!Files.isRegularFile(directory.resolve(PeftAdapterFile.TENSORS))) {
            throw new FormatException(directory.toString(), Files.exists(directory.resolve("adapter_model.bin"))
                    ? "adapter_model.bin is a pickle, which can run code when it is read; save the adapter as " + PeftAdapterFile.TENSORS
                    : "has no " + PeftAdapterFile.TENSORS);
        }
        return new Source.Peft(directory);
    }

    private static String name(Path source) {
        Path last = source.toAbsolutePath().normalize().getFileName();
        String file = String.valueOf(last);
        return file.endsWith(".gguf") ? file.substring(0, file.length() - ".gguf".length()) : file;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }
}
