package io.chunkwise.model.tokenizer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.gguf.GgufFile;
import io.chunkwise.model.tokenizer.SentencePieceVocabulary.Piece;
import io.chunkwise.model.tokenizer.SentencePieceVocabulary.PieceType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The vocabulary inside a GGUF file (metadata keys {@code tokenizer.ggml.*} of the GGUF specification). A byte-level one
 * is written out as the tokenizer.json that it was converted from, so that there is one BPE engine.
 */
final class GgufVocabulary {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final GgufFile file;
    private final List<String> tokens;

    private GgufVocabulary(GgufFile file) {
        this.file = file;
        tokens = file.strings("tokenizer.ggml.tokens").orElseThrow(() -> problem("has no vocabulary (tokenizer.ggml.tokens)"));
    }

    /** @throws FormatException if the file has no vocabulary, or an unsupported or malformed one */
    static Tokenizer tokenizer(GgufFile file) {
        String model = file.string("tokenizer.ggml.model").orElseThrow(
                () -> new FormatException(file.name(), "has no tokenizer (tokenizer.ggml.model)"));
        return switch (model) {
            case "llama" -> new SentencePieceTokenizer(file.name(), new GgufVocabulary(file).sentencePiece());
            case "gpt2" -> JsonTokenizer.of(file.name(),
                    TokenizerJson.read(file.name(), new GgufVocabulary(file).byteLevel(), TokenizerConfig.EMPTY));
            default -> throw new FormatException(file.name(),
                    "the tokenizer is of kind '" + model + "' (tokenizer.ggml.model), supported: llama, gpt2");
        };
    }

    private SentencePieceVocabulary sentencePiece() {
        if (file.metadata().containsKey("tokenizer.ggml.precompiled_charsmap")) {
            throw problem("has a tokenizer that rewrites characters (tokenizer.ggml.precompiled_charsmap), which is not supported");
        }
        float[] scores = file.floats("tokenizer.ggml.scores").orElseThrow(() -> problem("has no scores (tokenizer.ggml.scores)"));
        requireOnePerToken("tokenizer.ggml.scores", scores.length);
        PieceType[] types = types();
        List<Piece> pieces = new ArrayList<>(tokens.size());
        for (int id = 0; id < tokens.size(); id++) {
            pieces.add(new Piece(tokens.get(id), scores[id], types[id]));
        }
        return new SentencePieceVocabulary(pieces, file.bool("tokenizer.ggml.add_space_prefix").orElse(true),
                file.bool("tokenizer.ggml.remove_extra_whitespaces").orElse(false),
                file.bool("tokenizer.ggml.add_bos_token").orElse(true) ? specialId("bos", 1) : -1,
                file.bool("tokenizer.ggml.add_eos_token").orElse(false) ? specialId("eos", 2) : -1).checkedFor(file.name());
    }

    private byte[] byteLevel() {
        PreTokenizer pre = PreTokenizer.named(file.name(), file.string("tokenizer.ggml.pre").orElseThrow(
                () -> problem("does not name its pre-tokenizer (tokenizer.ggml.pre); convert the model again")));
        PieceType[] types = types();
        ObjectNode root = JSON.createObjectNode();
        root.put("version", "1.0");
        ArrayNode added = root.putArray("added_tokens");
        ObjectNode vocabulary = JSON.createObjectNode();
        Set<String> seen = new HashSet<>();
        for (int id = 0; id < tokens.size(); id++) {
            String token = tokens.get(id);
            if (!seen.add(token)) {
                throw problem("vocabulary entry " + id + ", '" + token + "', occurs twice (tokenizer.ggml.tokens)");
            }
            vocabulary.put(token, id);
            boolean special = types[id] == PieceType.CONTROL || types[id] == PieceType.UNKNOWN;
            if (special || types[id] == PieceType.USER_DEFINED) {
                added.addObject().put("id", id).put("content", token).put("special", special)
                        .put("normalized", false).put("lstrip", false).put("rstrip", false).put("single_word", false);
            }
        }
        if (pre.composes()) {
            root.putObject("normalizer").put("type", "NFC");
        }
        ArrayNode cuts = root.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        for (String pattern : pre.patterns()) {
            cuts.addObject().put("type", "Split").put("behavior", "Isolated").put("invert", false)
                    .putObject("pattern").put("Regex", pattern);
        }
        byteLevelPart(cuts.addObject());
        byteLevelPart(root.putObject("decoder"));
        putTemplate(root, pre);
        ObjectNode model = root.putObject("model").put("type", "BPE").put("ignore_merges", pre.ignoreMerges());
        model.set("vocab", vocabulary);
        ArrayNode merges = model.putArray("merges");
        file.strings("tokenizer.ggml.merges").orElseThrow(() -> problem("has no merges (tokenizer.ggml.merges)")).forEach(merges::add);
        return root.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void byteLevelPart(ObjectNode part) {
        part.put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", false);
    }

    private void putTemplate(ObjectNode root, PreTokenizer pre) {
        List<Integer> before = file.bool("tokenizer.ggml.add_bos_token").orElse(pre.addBos()) ? List.of(specialId("bos", -1)) : List.of();
        List<Integer> after = file.bool("tokenizer.ggml.add_eos_token").orElse(false) ? List.of(specialId("eos", -1)) : List.of();
        if (before.isEmpty() && after.isEmpty()) {
            return;
        }
        ObjectNode template = root.putObject("post_processor").put("type", "TemplateProcessing");
        ArrayNode single = template.putArray("single");
        ObjectNode special = template.putObject("special_tokens");
        before.forEach(id -> putSpecial(single, special, id));
        single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
        after.forEach(id -> putSpecial(single, special, id));
        ArrayNode pair = template.putArray("pair"); // never used, but the library wants both texts in it
        pair.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
        pair.addObject().putObject("Sequence").put("id", "B").put("type_id", 0);
    }

    private void putSpecial(ArrayNode single, ObjectNode special, int id) {
        String token = tokens.get(id);
        single.addObject().putObject("SpecialToken").put("id", token).put("type_id", 0);
        ObjectNode entry = special.putObject(token).put("id", token);
        entry.putArray("ids").add(id);
        entry.putArray("tokens").add(token);
    }

    /** @param otherwise the id where the file names none; -1: it has to */
    private int specialId(String name, int otherwise) {
        String key = "tokenizer.ggml." + name + "_token_id";
        long id = file.integer(key).orElse((long) otherwise);
        if (id < 0 || id >= tokens.size()) {
            throw problem("the token " + id + " (" + key + ") goes around texts, but the vocabulary has " + tokens.size() + " entries");
        }
        return (int) id;
    }

    private PieceType[] types() {
        int[] numbers = file.integers("tokenizer.ggml.token_type").orElse(null);
        PieceType[] types = new PieceType[tokens.size()];
        if (numbers != null) {
            requireOnePerToken("tokenizer.ggml.token_type", numbers.length);
        }
        for (int id = 0; id < types.length; id++) {
            types[id] = numbers == null ? PieceType.NORMAL : PieceType.numbered(file.name(), numbers[id], id);
        }
        return types;
    }

    private void requireOnePerToken(String key, int count) {
        if (count != tokens.size()) {
            throw problem("'" + key + "' has " + count + " entries, expected one for each of the " + tokens.size() + " tokens");
        }
    }

    private FormatException problem(String problem) {
        return new FormatException(file.name(), problem);
    }
}
