package io.chunkwise.model.format.safetensors;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Writes safetensors files. */
public final class SafetensorsWriter {
    private static final int ALIGNMENT = 8; // of the tensor data, as the format's own writer does it
    private static final long PIECE = 1 << 26; // bytes handed to the operating system at once

    private SafetensorsWriter() {
    }

    /**
     * Writes a file completely under another name beside it and then moves it into place, so that {@code file} is never
     * there in part; one that was there is replaced.
     *
     * @param tensors  F32, F16 or BF16, of different names; written in this order
     * @param metadata {@code __metadata__}; left out if empty
     * @throws IllegalArgumentException on a tensor that the format cannot hold
     * @throws IOException              if the file cannot be written; nothing of it is left then
     */
    public static void write(Path file, List<TensorView> tensors, Map<String, String> metadata) throws IOException {
        byte[] header = header(tensors, metadata);
        Path unfinished = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".part");
        try {
            try (FileChannel out = FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                writeFully(out, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, header.length));
                writeFully(out, ByteBuffer.wrap(header));
                for (TensorView tensor : tensors) {
                    writeFully(out, tensor.data());
                }
                out.force(true);
            }
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    private static byte[] header(List<TensorView> tensors, Map<String, String> metadata) throws IOException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode header = json.createObjectNode();
        if (!metadata.isEmpty()) {
            ObjectNode object = header.putObject("__metadata__");
            metadata.forEach(object::put);
        }
        long at = 0;
        for (TensorView tensor : tensors) {
            if (tensor.name().equals("__metadata__") || header.has(tensor.name())) {
                throw new IllegalArgumentException("tensor name '" + tensor.name() + "' is taken");
            }
            SafetensorsType type = SafetensorsType.of(tensor.type()).orElseThrow(() -> cannotHold(tensor.name(), tensor.type()));
            ObjectNode entry = header.putObject(tensor.name());
            entry.put("dtype", type.name());
            tensor.shape().forEach(entry.putArray("shape")::add);
            entry.putArray("data_offsets").add(at).add(at = Math.addExact(at, tensor.data().byteSize()));
        }
        byte[] bytes = json.writeValueAsBytes(header);
        byte[] padded = Arrays.copyOf(bytes, Math.ceilDiv(bytes.length, ALIGNMENT) * ALIGNMENT);
        Arrays.fill(padded, bytes.length, padded.length, (byte) ' ');
        return padded;
    }

    private static IllegalArgumentException cannotHold(String name, TensorType type) {
        return new IllegalArgumentException("'" + name + "' is " + type + ", which safetensors files cannot hold");
    }

    private static void writeFully(FileChannel out, MemorySegment data) throws IOException {
        for (long at = 0; at < data.byteSize(); at += PIECE) {
            writeFully(out, data.asSlice(at, Math.min(PIECE, data.byteSize() - at)).asByteBuffer());
        }
    }

    private static void writeFully(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }
}
