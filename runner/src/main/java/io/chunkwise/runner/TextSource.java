package io.chunkwise.runner;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Text from files and standard input, UTF-8. */
final class TextSource {
    private TextSource() {
    }

    static String read(Path file) {
        try {
            return decode(file.toString(), Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String read(Terminal terminal) {
        try {
            return decode("standard input", terminal.in().readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A line feed at the end of a file belongs to the file, not to the prompt in it. */
    static String withoutLastLineFeed(String text) {
        return text.endsWith("\r\n") ? text.substring(0, text.length() - 2)
                : text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    /** Lines of a file; only line feeds end them, with or without a carriage return before. */
    static List<String> lines(Path file) {
        String text = read(file);
        return text.isEmpty() ? List.of() : Arrays.stream(withoutLastLineFeed(text).split("\n", -1))
                .map(line -> line.endsWith("\r") ? line.substring(0, line.length() - 1) : line).toList();
    }

    private static String decode(String source, byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new FormatException(source, "is not UTF-8 text", e);
        }
    }
}
