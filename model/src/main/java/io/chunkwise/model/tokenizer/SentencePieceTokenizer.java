package io.chunkwise.model.tokenizer;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.tokenizer.SentencePieceVocabulary.Piece;
import io.chunkwise.model.tokenizer.SentencePieceVocabulary.PieceType;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * SentencePiece's BPE: the text is cut into characters, and the adjacent pair whose concatenation has the highest score
 * in the vocabulary (the leftmost of equals) is merged until no pair is left. What is then not in the vocabulary is
 * written as bytes. Llama 2 and Mistral use it.
 *
 * <p>Special tokens typed in a text are text; see the package comment.
 */
final class SentencePieceTokenizer implements Tokenizer {
    private static final char SPACE = '\u2581';

    private final SentencePieceVocabulary vocabulary;
    private final Map<String, Integer> mergeable = new HashMap<>();
    private final Map<Character, List<String>> userDefined = new HashMap<>(); // by first character, longest first
    private final int[] byteIds = new int[256];
    private final int unknownId;
    private final int longestPiece; // characters

    /** @throws FormatException if two entries have the same text */
    SentencePieceTokenizer(String file, SentencePieceVocabulary vocabulary) {
        this.vocabulary = vocabulary;
        Arrays.fill(byteIds, -1);
        int unknown = -1;
        int longest = 0;
        List<Piece> pieces = vocabulary.pieces();
        for (int id = 0; id < pieces.size(); id++) {
            Piece piece = pieces.get(id);
            switch (piece.type()) {
                case NORMAL, USER_DEFINED -> {
                    Integer earlier = mergeable.putIfAbsent(piece.text(), id);
                    if (earlier != null) {
                        throw new FormatException(file, "vocabulary entries " + earlier + " and " + id + " are both '"
                                + piece.text() + "'");
                    }
                    longest = Math.max(longest, piece.text().length());
                    if (piece.type() == PieceType.USER_DEFINED && !piece.text().isEmpty()) {
                        userDefined.computeIfAbsent(piece.text().charAt(0), first -> new ArrayList<>()).add(piece.text());
                    }
                }
                case BYTE -> byteIds[SentencePieceVocabulary.byteValue(piece.text())] = id;
                case UNKNOWN -> unknown = unknown < 0 ? id : unknown;
                case CONTROL, UNUSED -> {
                }
            }
        }
        userDefined.values().forEach(texts -> texts.sort(Comparator.comparingInt(String::length).reversed()));
        unknownId = unknown;
        longestPiece = longest;
    }

    @Override
    public int vocabSize() {
        return vocabulary.pieces().size();
    }

    @Override
    public String piece(int id) {
        return entry(id).text();
    }

    @Override
    public int[] encode(String text, boolean addSpecial) {
        IdList ids = new IdList(text.length() / 2 + 4);
        if (addSpecial && vocabulary.bosId() >= 0) {
            ids.add(vocabulary.bosId());
        }
        String escaped = escaped(text);
        if (!escaped.isEmpty()) {
            Symbols symbols = cut(escaped);
            merge(escaped, symbols);
            write(escaped, symbols, ids);
        }
        if (addSpecial && vocabulary.eosId() >= 0) {
            ids.add(vocabulary.eosId());
        }
        return ids.toArray();
    }

    @Override
    public String decode(int[] ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(ids.length * 4);
        for (int id : ids) {
            Piece piece = entry(id);
            switch (piece.type()) {
                case NORMAL, USER_DEFINED, UNUSED -> bytes.writeBytes(piece.text().replace(SPACE, ' ').getBytes(StandardCharsets.UTF_8));
                case BYTE -> bytes.write(SentencePieceVocabulary.byteValue(piece.text()));
                case UNKNOWN, CONTROL -> {
                }
            }
        }
        String text = bytes.toString(StandardCharsets.UTF_8);
        return vocabulary.addDummyPrefix() && text.startsWith(" ") ? text.substring(1) : text;
    }

    private Piece entry(int id) {
        if (id < 0 || id >= vocabulary.pieces().size()) {
            throw new IllegalArgumentException("token " + id + " is outside the vocabulary of " + vocabulary.pieces().size());
        }
        return vocabulary.pieces().get(id);
    }

    private String escaped(String text) {
        String clean = LoneSurrogates.replaced(text);
        if (vocabulary.removeExtraWhitespace()) {
            clean = clean.replaceAll(" {2,}", " ");
            clean = clean.startsWith(" ") ? clean.substring(1) : clean;
        }
        if (clean.isEmpty()) {
            return "";
        }
        String escaped = (vocabulary.addDummyPrefix() ? " " + clean : clean).replace(' ', SPACE);
        int end = escaped.length();
        while (vocabulary.removeExtraWhitespace() && end > 0 && escaped.charAt(end - 1) == SPACE) {
            end--;
        }
        return escaped.substring(0, end);
    }

    /** The symbols of a text as a doubly linked list over indices; symbol i is the characters [start[i], end[i]). */
    private record Symbols(int count, int[] start, int[] end, int[] previous, int[] next, boolean[] frozen) {
    }

    /** Characters, and user-defined pieces, which are never merged any further. */
    private Symbols cut(String text) {
        int length = text.length();
        Symbols symbols = new Symbols(length, new int[length], new int[length], new int[length], new int[length], new boolean[length]);
        int count = 0;
        for (int at = 0; at < length; count++) {
            int userDefinedLength = userDefinedAt(text, at);
            int end = at + (userDefinedLength > 0 ? userDefinedLength : Character.charCount(text.codePointAt(at)));
            symbols.start()[count] = at;
            symbols.end()[count] = end;
            symbols.previous()[count] = count - 1;
            symbols.next()[count] = end < length ? count + 1 : -1;
            symbols.frozen()[count] = userDefinedLength > 0;
            at = end;
        }
        return symbols;
    }

    private int userDefinedAt(String text, int at) {
        for (String candidate : userDefined.getOrDefault(text.charAt(at), List.of())) {
            if (text.startsWith(candidate, at)) {
                return candidate.length();
            }
        }
        return 0;
    }

    /** A pair that may be merged, unless one of its symbols has changed since. */
    private record Merge(float score, int left, int right, int end) {
        static final Comparator<Merge> BEST_FIRST = (a, b) -> {
            int byScore = Float.compare(b.score, a.score);
            return byScore != 0 ? byScore : Integer.compare(a.left, b.left);
        };
    }

    private void merge(String text, Symbols symbols) {
        PriorityQueue<Merge> queue = new PriorityQueue<>(Math.max(16, symbols.count() / 2), Merge.BEST_FIRST);
        for (int left = 0; left >= 0; left = symbols.next()[left]) {
            propose(text, symbols, left, queue);
        }
        for (Merge merge = queue.poll(); merge != null; merge = queue.poll()) {
            int left = merge.left();
            int right = merge.right();
            // A symbol that was merged into its left neighbour has end -1.
            if (symbols.end()[left] != symbols.start()[right] || symbols.end()[right] != merge.end()) {
                continue;
            }
            symbols.end()[left] = symbols.end()[right];
            symbols.end()[right] = -1;
            int next = symbols.next()[right];
            symbols.next()[left] = next;
            if (next >= 0) {
                symbols.previous()[next] = left;
            }
            propose(text, symbols, left, queue);
            if (symbols.previous()[left] >= 0) {
                propose(text, symbols, symbols.previous()[left], queue);
            }
        }
    }

    private void propose(String text, Symbols symbols, int left, PriorityQueue<Merge> queue) {
        int right = symbols.next()[left];
        if (right < 0 || symbols.frozen()[left] || symbols.frozen()[right]) {
            return;
        }
        int start = symbols.start()[left];
        int end = symbols.end()[right];
        if (end - start > longestPiece) {
            return;
        }
        Integer id = mergeable.get(text.substring(start, end));
        if (id != null) {
            queue.add(new Merge(vocabulary.pieces().get(id).score(), left, right, end));
        }
    }

    private void write(String text, Symbols symbols, IdList ids) {
        boolean afterUnknown = false;
        for (int at = 0; at >= 0; at = symbols.next()[at]) {
            String symbol = text.substring(symbols.start()[at], symbols.end()[at]);
            Integer id = mergeable.get(symbol);
            if (id != null) {
                ids.add(id);
            } else if (byteIds[0] >= 0) {
                for (byte b : symbol.getBytes(StandardCharsets.UTF_8)) {
                    ids.add(byteIds[Byte.toUnsignedInt(b)]);
                }
            } else if (!afterUnknown) { // a run of unknown characters is one unknown token
                ids.add(unknownId);
            }
            afterUnknown = id == null && byteIds[0] < 0;
        }
    }

    private static final class IdList {
        private int[] ids;
        private int count;

        IdList(int capacity) {
            ids = new int[capacity];
        }

        void add(int id) {
            if (count == ids.length) {
                ids = Arrays.copyOf(ids, count * 2);
            }
            ids[count++] = id;
        }

        int[] toArray() {
            return Arrays.copyOf(ids, count);
        }
    }
}
