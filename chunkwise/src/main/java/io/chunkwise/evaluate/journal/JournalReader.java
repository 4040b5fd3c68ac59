package io.chunkwise.evaluate.journal;

import io.chunkwise.model.format.FormatException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.function.BiConsumer;

/** Reads journals line by line. */
final class JournalReader {
    /** Far beyond any result: what has no line feeds for so long is no journal. */
    private static final int LONGEST_LINE = 1 << 26;

    private JournalReader() {
    }

    /**
     * @param lines  by id, in the order of the file
     * @param length bytes of whole lines; what comes after them was torn off when a run was killed
     */
    record Content<R>(SequencedMap<String, JournalLine<R>> lines, long length) {
    }

    /**
     * @param file  named in errors
     * @param bytes of it; left open
     * @param check called with the number of each line, from 1, and the line; throws {@link FormatException} if it is not to be there
     * @throws FormatException if the file is no journal, a line is damaged, or an item is there twice
     */
    static <R> Content<R> read(Path file, InputStream bytes, Class<R> type, BiConsumer<Integer, JournalLine<R>> check) throws IOException {
        SequencedMap<String, JournalLine<R>> lines = new LinkedHashMap<>();
        long length = 0;
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        InputStream in = new BufferedInputStream(bytes, 1 << 16);
        for (int next = in.read(); next >= 0; next = in.read()) {
            if (next != '\n') {
                line.write(next);
                if (line.size() > LONGEST_LINE) {
                    throw notAJournal(file);
                }
                continue;
            }
            int number = lines.size() + 1;
            JournalLine<R> read = parsed(file, number, line.toByteArray(), type);
            check.accept(number, read);
            if (lines.putIfAbsent(read.id(), read) != null) {
                throw new FormatException(file.toString(), "line " + number + ": item '" + read.id()
                        + "' is there twice; delete one of the two lines");
            }
            length += line.size() + 1;
            line.reset();
        }
        if (!begins(line.toByteArray())) {
            throw notAJournal(file);
        }
        return new Content<>(lines, length);
    }

    private static <R> JournalLine<R> parsed(Path file, int number, byte[] bytes, Class<R> type) {
        try {
            return JournalLine.read(bytes, type);
        } catch (IllegalArgumentException e) {
            throw new FormatException(file.toString(), "line " + number + " " + e.getMessage()
                    + "; delete that line to have its item evaluated again, or use another file", e);
        }
    }

    // A file of somebody else's must not be cut.
    private static boolean begins(byte[] torn) {
        int compared = Math.min(torn.length, JournalLine.BEGINNING.length);
        return Arrays.equals(torn, 0, compared, JournalLine.BEGINNING, 0, compared);
    }

    private static FormatException notAJournal(Path file) {
        return new FormatException(file.toString(), "is there already, and does not hold results; use another file");
    }
}
