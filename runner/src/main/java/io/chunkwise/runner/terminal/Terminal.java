package io.chunkwise.runner.terminal;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.IntSupplier;

/**
 * The standard streams of the program, and which of them are terminals. Output is UTF-8 whatever the locale says, so
 * that JSON is JSON everywhere.
 *
 * @param outIsTerminal people read {@code out}: the width of tables and the colours of help depend on it
 * @param errIsTerminal people read {@code err}: only then are there progress bars
 * @param columns       width of the terminal; asked for only where something is laid out
 */
public record Terminal(
        InputStream in, PrintStream out, PrintStream err,
        boolean inIsTerminal, boolean outIsTerminal, boolean errIsTerminal, IntSupplier columns) {
    private static final int DEFAULT_COLUMNS = 100;

    /** The streams of this process. */
    public static Terminal system() {
        return new Terminal(new FileInputStream(FileDescriptor.in), utf8(new FileOutputStream(FileDescriptor.out)),
                utf8(new FileOutputStream(FileDescriptor.err)), isTerminal("stdin", 0), isTerminal("stdout", 1), isTerminal("stderr", 2),
                Terminal::askColumns);
    }

    /** Streams that no terminal is behind, for pipes and tests. */
    public static Terminal piped(InputStream in, OutputStream out, OutputStream err) {
        return new Terminal(in, utf8(out), utf8(err), false, false, false, () -> DEFAULT_COLUMNS);
    }

    /** Whether text on {@code out} may be coloured (https://no-color.org). */
    public boolean colours() {
        return outIsTerminal && System.getenv("NO_COLOR") == null && !"dumb".equals(System.getenv("TERM"));
    }

    /** Whether colours may be of the 256-colour palette. */
    public boolean manyColours() {
        String term = System.getenv("TERM");
        return System.getenv("COLORTERM") != null || term != null && term.contains("256color");
    }

    /** Width for tables and help on {@code out}. */
    public int width() {
        return outIsTerminal ? columns.getAsInt() : DEFAULT_COLUMNS;
    }

    private static PrintStream utf8(OutputStream stream) {
        return new PrintStream(new java.io.BufferedOutputStream(stream, 1 << 13), false, StandardCharsets.UTF_8);
    }

    // Java tells only whether stdin and stdout together are a terminal, and takes a tenth of a second for it. The launcher
    // knows for each (test -t); started without it, Linux tells what the descriptor is.
    private static boolean isTerminal(String stream, int descriptor) {
        String told = System.getProperty("chunkwise.tty." + stream);
        if (told != null) {
            return Boolean.parseBoolean(told);
        }
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }

    private static int askColumns() {
        try {
            Process stty = new ProcessBuilder("stty", "size").redirectInput(Path.of("/dev/tty").toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            String[] size = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).trim().split(" ");
            int columns = size.length == 2 ? Integer.parseInt(size[1]) : 0;
            return columns >= 20 ? columns : DEFAULT_COLUMNS;
        } catch (IOException | NumberFormatException e) {
            return DEFAULT_COLUMNS;
        }
    }
}
