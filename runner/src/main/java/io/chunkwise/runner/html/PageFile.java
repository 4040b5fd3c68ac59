package io.chunkwise.runner.html;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** A page as a file, made of a template with marks such as {@code {{title}}}. */
public final class PageFile {
    private PageFile() {
    }

    /** Writes what stands for a mark. */
    @FunctionalInterface
    public interface Marks {
        /** @throws IllegalStateException if the template has a mark that nothing stands for */
        void write(String mark, Writer out) throws IOException;
    }

    /** Writes a page. */
    @FunctionalInterface
    public interface Page {
        void write(Writer out) throws IOException;
    }

    /**
     * Writes the page under another name beside it and then moves it into place: {@code file} is never there in part.
     *
     * @throws IOException if it cannot be written; nothing of it is left then
     */
    public static void write(Path file, Page page) throws IOException {
        Path target = file.toAbsolutePath();
        Path unfinished = target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID() + ".part");
        try {
            // Replaces what UTF-8 cannot hold (halves of surrogate pairs, from a tokenizer) instead of failing on it.
            try (Writer out = new BufferedWriter(new OutputStreamWriter(Files.newOutputStream(unfinished, StandardOpenOption.CREATE_NEW),
                    StandardCharsets.UTF_8))) {
                page.write(out);
            }
            Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    /** Writes the template. What is put in is never looked through for marks again: each piece goes out as it is. */
    public static void fill(Writer out, String template, Marks marks) throws IOException {
        String rest = template;
        while (true) {
            int open = rest.indexOf("{{");
            if (open < 0) {
                out.write(rest);
                return;
            }
            int close = rest.indexOf("}}", open);
            out.write(rest, 0, open);
            marks.write(rest.substring(open + 2, close), out);
            rest = rest.substring(close + 2);
        }
    }

    /** A text that comes with the program, beside {@code owner} or at an absolute name. */
    public static String resource(Class<?> owner, String name) throws IOException {
        try (InputStream in = owner.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("the program lacks its file " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
