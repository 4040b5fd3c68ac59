package io.chunkwise.evaluate;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** Tells whether something is what it was, by its content: 64 hexadecimal digits (SHA-256). */
public final class Fingerprint {
    private static final int TENSOR_BYTES = 4096;

    private Fingerprint() {
    }

    public static String ofText(String text) {
        return hex(sha256(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** Of texts in their order. */
    public static String ofTexts(List<String> texts) {
        MessageDigest digest = sha256();
        for (String text : texts) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            digest.update((bytes.length + "\n").getBytes(StandardCharsets.UTF_8));
            digest.update(bytes);
        }
        return hex(digest);
    }

    public static String ofIds(int[] ids) {
        return ofText(Arrays.toString(ids));
    }

    public static String ofFile(Path file) {
        MessageDigest digest = sha256();
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return hex(digest);
    }

    /** Of shapes, number formats and the first {@value #TENSOR_BYTES} bytes of every tensor: all of a large file would take its time. */
    public static String ofModel(LlamaModel model) {
        MessageDigest digest = sha256();
        for (TensorView tensor : model.weights().all()) {
            digest.update((tensor.type() + " " + tensor.shape() + "\n").getBytes(StandardCharsets.UTF_8));
            digest.update(tensor.data().asSlice(0, Math.min(TENSOR_BYTES, tensor.data().byteSize())).asByteBuffer());
        }
        return hex(digest);
    }

    /** Of every number in them. */
    public static String ofPolicies(ChunkPolicy policy, KvPolicy kv) {
        try {
            return ofText(EvaluationJson.MAPPER.writeValueAsString(policy) + kv);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a policy cannot be written as JSON", e);
        }
    }

    private static MessageDigest sha256(byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (byte[] part : parts) {
                digest.update(part);
            }
            return digest;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }
}
