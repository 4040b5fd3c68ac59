package io.chunkwise.runner.options;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which adapters are loaded, and which one is in use from which token on.
 *
 * @param files   by name, in the order of the command line
 * @param entries ascending in tokens, the first from token 0 on
 */
public record AdapterSequence(SequencedMap<String, Path> files, List<Entry> entries) {
    /** The name of no adapter. */
    public static final String NONE = "none";
    private static final Pattern SYNTAX = Pattern.compile("(?s)(?:([\\p{L}\\p{N}._-]+)=)?(.+?)(?:@([0-9]{1,9}))?");

    public AdapterSequence {
        files = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(files));
        entries = List.copyOf(entries);
    }

    /** @param name one of the files, or {@link #NONE} */
    public record Entry(String name, int fromToken) {
    }

    /**
     * Reads {@code [NAME=]PATH[@TOKEN]}, or {@code NAME@TOKEN} for one that was given before.
     *
     * @throws IllegalArgumentException in one line
     */
    static AdapterSequence parse(List<String> texts) {
        SequencedMap<String, Path> files = new LinkedHashMap<>();
        List<Entry> entries = new ArrayList<>();
        for (String text : texts) {
            Matcher parts = SYNTAX.matcher(text);
            if (!parts.matches()) {
                throw new IllegalArgumentException("--adapter '" + text + "': expected [NAME=]PATH[@TOKEN]");
            }
            int fromToken = parts.group(3) == null ? 0 : Integer.parseInt(parts.group(3));
            entries.add(new Entry(named(text, parts.group(1), parts.group(2), files), fromToken));
        }
        entries.sort(Comparator.comparingInt(Entry::fromToken));
        for (int i = 1; i < entries.size(); i++) {
            if (entries.get(i).fromToken() == entries.get(i - 1).fromToken()) {
                throw new IllegalArgumentException("--adapter: '" + entries.get(i - 1).name() + "' and '" + entries.get(i).name()
                        + "' both begin at token " + entries.get(i).fromToken() + "; say where one takes over, as in "
                        + entries.get(i).name() + "@" + (entries.get(i).fromToken() + 100));
            }
        }
        if (entries.isEmpty() || entries.getFirst().fromToken() > 0) {
            entries.addFirst(new Entry(NONE, 0));
        }
        return new AdapterSequence(files, entries);
    }

    private static String named(String text, String name, String location, SequencedMap<String, Path> files) {
        if (name == null && (files.containsKey(location) || location.equals(NONE))) {
            return location;
        }
        Path path = Path.of(location);
        if (name == null) {
            for (var file : files.entrySet()) {
                if (file.getValue().equals(path)) {
                    return file.getKey();
                }
            }
        }
        String chosen = name == null ? nameOf(path) : name;
        if (chosen.equals(NONE)) {
            throw new IllegalArgumentException("--adapter '" + text + "': the name " + NONE + " means no adapter; give it another with "
                    + "NAME=PATH");
        }
        if (files.containsKey(chosen)) {
            throw new IllegalArgumentException("--adapter '" + text + "': there is a '" + chosen + "' already, at " + files.get(chosen)
                    + "; give this one another name with NAME=PATH");
        }
        files.put(chosen, path);
        return chosen;
    }

    private static String nameOf(Path path) {
        String file = String.valueOf(path.toAbsolutePath().normalize().getFileName());
        return file.endsWith(".gguf") ? file.substring(0, file.length() - ".gguf".length()) : file;
    }
}
