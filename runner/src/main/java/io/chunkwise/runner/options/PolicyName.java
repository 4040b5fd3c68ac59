package io.chunkwise.runner.options;

import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.PolicyFile;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/** The policy that {@code --policy} names: a built-in one or a file. */
public final class PolicyName {
    private PolicyName() {
    }

    /**
     * @throws IllegalArgumentException                  if it names neither
     * @throws io.chunkwise.model.format.FormatException if the file is malformed
     */
    public static ChunkPolicy resolve(String name) {
        Path file;
        try {
            Optional<ChunkPolicy> builtIn = ChunkPolicy.builtIn(name);
            if (builtIn.isPresent()) {
                return builtIn.get();
            }
            file = Path.of(name);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("--policy: '" + e.getInput() + "' is no path", e);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--policy " + name + ": " + e.getMessage(), e);
        }
        if (!Files.exists(file)) {
            throw new IllegalArgumentException("--policy " + name + ": neither uniform:R, uniform:max or adaptive, nor a file");
        }
        return PolicyFile.read(file);
    }
}
