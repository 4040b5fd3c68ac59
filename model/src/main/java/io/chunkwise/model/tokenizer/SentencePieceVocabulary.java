package io.chunkwise.model.tokenizer;

import io.chunkwise.model.format.FormatException;
import java.util.List;

/**
 * What a SentencePiece BPE tokenizer is made of, checked.
 *
 * @param pieces                the vocabulary in order of ids
 * @param addDummyPrefix        a space goes before every text
 * @param removeExtraWhitespace spaces at both ends go, runs of spaces become one
 * @param bosId                 goes before a text that special tokens are asked for, or -1
 * @param eosId                 goes after it, or -1
 */
record SentencePieceVocabulary(
        List<Piece> pieces, boolean addDummyPrefix, boolean removeExtraWhitespace, int bosId, int eosId) {

    /** Types in the order of their numbers in both formats, from 1. */
    enum PieceType {
        NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE;

        /** @throws FormatException if there is no such type */
        static PieceType numbered(String file, long number, int id) {
            if (number < 1 || number > values().length) {
                throw new FormatException(file, "vocabulary entry " + id + " has type " + number + ", expected 1 to " + values().length);
            }
            return values()[(int) number - 1];
        }
    }

    /**
     * @param text  with U+2581 for spaces; {@code <0xHH>} for a byte
     * @param score pairs with a higher one are merged first
     */
    record Piece(String text, float score, PieceType type) {
    }

    SentencePieceVocabulary {
        pieces = List.copyOf(pieces);
    }

    /** @throws FormatException if no tokenizer can be made of it */
    SentencePieceVocabulary checkedFor(String file) {
        if (pieces.isEmpty()) {
            throw new FormatException(file, "the vocabulary is empty");
        }
        int bytes = 0;
        boolean hasUnknown = false;
        for (int id = 0; id < pieces.size(); id++) {
            Piece piece = pieces.get(id);
            if (Float.isNaN(piece.score())) {
                throw new FormatException(file, "the score of vocabulary entry " + id + " is not a number");
            }
            if (piece.type() == PieceType.BYTE) {
                bytes++;
                if (byteValue(piece.text()) < 0) {
                    throw new FormatException(file,
                            "vocabulary entry " + id + " is a byte but reads '" + piece.text() + "', expected <0x00> to <0xFF>");
                }
            }
            hasUnknown |= piece.type() == PieceType.UNKNOWN;
        }
        if (bytes != 0 && bytes != 256) {
            throw new FormatException(file, "the vocabulary has " + bytes + " byte entries, expected 256 or none");
        }
        if (bytes == 0 && !hasUnknown) {
            throw new FormatException(file,
                    "the vocabulary has neither byte entries nor one for unknown text, so not every text can be written with it");
        }
        checkId(file, "begin-of-text", bosId);
        checkId(file, "end-of-text", eosId);
        return this;
    }

    /** The byte that {@code <0xHH>} stands for, or -1. */
    static int byteValue(String text) {
        if (text.length() != 6 || !text.startsWith("<0x") || text.charAt(5) != '>') {
            return -1;
        }
        int high = Character.digit(text.charAt(3), 16);
        int low = Character.digit(text.charAt(4), 16);
        return high < 0 || low < 0 ? -1 : high * 16 + low;
    }

    private void checkId(String file, String what, int id) {
        if (id < -1 || id >= pieces.size()) {
            throw new FormatException(file, "the " + what + " token is " + id + ", but the vocabulary has " + pieces.size() + " entries");
        }
    }
}
