package io.chunkwise.model.tokenizer;

import java.util.ArrayList;
import java.util.List;

/**
 * Turns ids that arrive one at a time into text, holding back characters whose last bytes have not arrived yet.
 *
 * <p>The parts, and {@link #finish} at the end, concatenate to {@link Tokenizer#decode} of all ids. (With one exception:
 * a {@code tokenizer.json} with byte fallback replaces a whole run of bytes if any of them is not UTF-8, which cannot be
 * known when the first ones are shown. Ids whose decoded text has no U+FFFD are always exact.)
 *
 * <p>A tokenizer may treat the first id of a text in its own way (SentencePiece drops one leading space), so the ids
 * before the last complete text are decoded again with what follows, and the difference is what is new.
 */
public final class StreamingDecoder {
    private final Tokenizer tokenizer;
    private final List<Integer> window = new ArrayList<>(); // the latest complete text, then what is held back
    private int shown; // ids of the window that have been returned as text

    public StreamingDecoder(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /**
     * The text that {@code id} completes; empty if it only begins a character or is a special token.
     *
     * @throws IllegalArgumentException on an id outside the vocabulary
     */
    public String add(int id) {
        window.add(id);
        String before = decode(shown);
        String now = decode(window.size());
        if (now.length() <= before.length() || now.endsWith("\uFFFD")) {
            return "";
        }
        window.subList(0, shown).clear();
        shown = window.size();
        return now.substring(before.length());
    }

    /** What was held back, incomplete characters as U+FFFD. The decoder starts anew. */
    public String finish() {
        String before = decode(shown);
        String now = decode(window.size());
        window.clear();
        shown = 0;
        return now.length() <= before.length() ? "" : now.substring(before.length());
    }

    private String decode(int ids) {
        return tokenizer.decode(window.subList(0, ids).stream().mapToInt(Integer::intValue).toArray());
    }
}
