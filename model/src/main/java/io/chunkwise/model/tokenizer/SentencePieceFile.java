package io.chunkwise.model.tokenizer;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.tokenizer.SentencePieceVocabulary.Piece;
import io.chunkwise.model.tokenizer.SentencePieceVocabulary.PieceType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads {@code tokenizer.model}: the protocol-buffer message ModelProto of SentencePiece's sentencepiece_model.proto.
 * Field numbers below are that file's. What it can ask for and {@link SentencePieceTokenizer} does not do is refused.
 */
final class SentencePieceFile {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int LENGTH_DELIMITED = 2;
    private static final int FIXED32 = 5;

    private static final int BPE = 2; // TrainerSpec.ModelType
    private static final List<String> MODEL_TYPES = List.of("0", "UNIGRAM", "BPE", "WORD", "CHAR");

    private final String file;
    private final ByteBuffer bytes;

    private final List<Piece> pieces = new ArrayList<>();
    private long modelType = 1;
    private boolean whitespaceAsSuffix;
    private String bosPiece = "<s>";
    private String eosPiece = "</s>";
    private String normalizer = "";
    private int charsMapBytes;
    private boolean addDummyPrefix = true;
    private boolean removeExtraWhitespaces = true;
    private boolean escapeWhitespaces = true;

    private SentencePieceFile(String file, byte[] content) {
        this.file = file;
        bytes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * @param file   named in errors
     * @param addBos, addEos whether the model expects these around a text
     * @throws FormatException if the content is malformed or asks for what is not supported
     */
    static SentencePieceVocabulary read(String file, byte[] content, boolean addBos, boolean addEos) {
        SentencePieceFile reader = new SentencePieceFile(file, content);
        reader.readModel();
        reader.refuseUnsupported();
        return new SentencePieceVocabulary(reader.pieces, reader.addDummyPrefix, reader.removeExtraWhitespaces,
                addBos ? reader.controlId(reader.bosPiece) : -1, addEos ? reader.controlId(reader.eosPiece) : -1).checkedFor(file);
    }

    private void refuseUnsupported() {
        if (modelType != BPE) {
            String name = modelType >= 0 && modelType < MODEL_TYPES.size() ? MODEL_TYPES.get((int) modelType) : Long.toString(modelType);
            throw new FormatException(file, "the SentencePiece model type is " + name + ", only BPE is supported");
        }
        if (charsMapBytes > 0) {
            throw new FormatException(file, "the normalizer '" + normalizer + "' rewrites characters, only 'identity' is supported");
        }
        if (whitespaceAsSuffix) {
            throw new FormatException(file, "treat_whitespace_as_suffix is not supported");
        }
        if (!escapeWhitespaces) {
            throw new FormatException(file, "escape_whitespaces=false is not supported");
        }
    }

    private int controlId(String text) {
        for (int id = 0; id < pieces.size(); id++) {
            if (pieces.get(id).type() == PieceType.CONTROL && pieces.get(id).text().equals(text)) {
                return id;
            }
        }
        return -1;
    }

    private void readModel() {
        while (bytes.hasRemaining()) {
            Tag tag = tag();
            switch (tag.field()) {
                case 1 -> readPiece(message(tag));
                case 2 -> readTrainerSpec(message(tag));
                case 3 -> readNormalizerSpec(message(tag));
                default -> skip(tag); // self test, denormalizer, extensions
            }
        }
    }

    private void readPiece(int end) {
        String text = "";
        float score = 0;
        long type = 1;
        while (bytes.position() < end) {
            Tag tag = tag();
            switch (tag.field()) {
                case 1 -> text = string(tag);
                case 2 -> score = fixedFloat(tag);
                case 3 -> type = varint(tag);
                default -> skip(tag);
            }
        }
        endOf(end);
        pieces.add(new Piece(text, score, PieceType.numbered(file, type, pieces.size())));
    }

    private void readTrainerSpec(int end) {
        while (bytes.position() < end) {
            Tag tag = tag();
            switch (tag.field()) {
                case 3 -> modelType = varint(tag);
                case 24 -> whitespaceAsSuffix = varint(tag) != 0;
                case 46 -> bosPiece = string(tag);
                case 47 -> eosPiece = string(tag);
                default -> skip(tag);
            }
        }
        endOf(end);
    }

    private void readNormalizerSpec(int end) {
        while (bytes.position() < end) {
            Tag tag = tag();
            switch (tag.field()) {
                case 1 -> normalizer = string(tag);
                case 2 -> {
                    int mapEnd = message(tag);
                    charsMapBytes = mapEnd - bytes.position();
                    bytes.position(mapEnd);
                }
                case 3 -> addDummyPrefix = varint(tag) != 0;
                case 4 -> removeExtraWhitespaces = varint(tag) != 0;
                case 5 -> escapeWhitespaces = varint(tag) != 0;
                default -> skip(tag);
            }
        }
        endOf(end);
    }

    private record Tag(int field, int wireType) {
    }

    private Tag tag() {
        long tag = rawVarint();
        if (tag < 8 || tag > 0xFFFF_FFFFL) {
            throw malformed("field tag " + tag);
        }
        return new Tag((int) (tag >>> 3), (int) (tag & 7));
    }

    /** The position after a length-delimited field, whose content comes next. */
    private int message(Tag tag) {
        expect(tag, LENGTH_DELIMITED);
        long length = rawVarint();
        if (length < 0 || length > bytes.remaining()) {
            throw malformed("field " + tag.field() + " claims " + Long.toUnsignedString(length) + " bytes, but "
                    + bytes.remaining() + " are left");
        }
        return bytes.position() + (int) length;
    }

    private String string(Tag tag) {
        int end = message(tag);
        ByteBuffer content = bytes.slice(bytes.position(), end - bytes.position());
        bytes.position(end);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(content).toString();
        } catch (CharacterCodingException e) {
            throw malformed("field " + tag.field() + " is not UTF-8 text");
        }
    }

    private float fixedFloat(Tag tag) {
        expect(tag, FIXED32);
        need(Float.BYTES);
        return bytes.getFloat();
    }

    private long varint(Tag tag) {
        expect(tag, VARINT);
        return rawVarint();
    }

    private long rawVarint() {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            need(1);
            byte next = bytes.get();
            value |= (next & 0x7FL) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw malformed("a number of more than ten bytes");
    }

    private void skip(Tag tag) {
        switch (tag.wireType()) {
            case VARINT -> rawVarint();
            case FIXED64 -> advance(8);
            case LENGTH_DELIMITED -> bytes.position(message(tag));
            case FIXED32 -> advance(4);
            default -> throw malformed("field " + tag.field() + " has wire type " + tag.wireType());
        }
    }

    private void advance(int count) {
        need(count);
        bytes.position(bytes.position() + count);
    }

    private void expect(Tag tag, int wireType) {
        if (tag.wireType() != wireType) {
            throw malformed("field " + tag.field() + " has wire type " + tag.wireType() + ", expected " + wireType);
        }
    }

    private void need(int count) {
        if (bytes.remaining() < count) {
            throw malformed("the file ends inside a value");
        }
    }

    private void endOf(int end) {
        if (bytes.position() != end) {
            throw malformed("a value runs past the end of its message");
        }
    }

    private FormatException malformed(String problem) {
        return new FormatException(file, "not a SentencePiece model: " + problem + " (at byte " + bytes.position() + ")");
    }
}
