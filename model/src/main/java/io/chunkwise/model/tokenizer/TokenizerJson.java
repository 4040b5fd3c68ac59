package io.chunkwise.model.tokenizer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A {@code tokenizer.json}, checked before the native library sees it: the library aborts the process on some files that
 * are valid JSON, so only the parts that LLaMA-family tokenizers are made of go through, each with the types it must have.
 *
 * @param json   the file
 * @param pieces by id; null where an id is not used
 * @param before ids that go before a text and that the file itself does not add
 * @param after  ids that go after it
 */
record TokenizerJson(String json, String[] pieces, List<Integer> before, List<Integer> after) {
    private static final int DEEPEST = 64; // the native library aborts at 128
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(DEEPEST).build()).build());
    private static final int MAX_ID = 1 << 22;

    private static final Set<String> NORMALIZERS =
            Set.of("Sequence", "NFC", "NFD", "NFKC", "NFKD", "Prepend", "Replace", "Lowercase", "Strip");
    private static final Set<String> PRE_TOKENIZERS =
            Set.of("Sequence", "Split", "ByteLevel", "Digits", "Metaspace", "Punctuation", "Whitespace", "WhitespaceSplit");
    private static final Set<String> POST_PROCESSORS = Set.of("Sequence", "ByteLevel", "TemplateProcessing");
    private static final Set<String> DECODERS = Set.of("Sequence", "ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace");

    /** @throws FormatException if the content is malformed or of an unsupported kind */
    static TokenizerJson read(String file, byte[] content, TokenizerConfig config) {
        String json = utf8(file, content);
        Reader reader = new Reader(file);
        try (JsonParser parser = JSON.createParser(json)) {
            reader.readFile(parser);
        } catch (JsonProcessingException e) {
            throw new FormatException(file, "is not a complete JSON file: " + oneLine(e), e);
        } catch (IOException e) {
            throw new FormatException(file, "cannot be read", e);
        }
        return reader.checked(json, config);
    }

    /** The first line of the parser's message, without its source, with line and column. */
    private static String oneLine(JsonProcessingException e) {
        String where = e.getLocation() == null ? ""
                : " (line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr() + ")";
        return e.getOriginalMessage().lines().findFirst().orElse("unreadable") + where;
    }

    private static String utf8(String file, byte[] content) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
        } catch (CharacterCodingException e) {
            throw new FormatException(file, "is not UTF-8 text", e);
        }
    }

    /** Reads the large parts (vocabulary, merges) token by token and keeps the small ones as trees. */
    private static final class Reader {
        private final String file;
        private final Map<String, Integer> vocabulary = new HashMap<>();
        private final Map<String, JsonNode> sections = new HashMap<>();
        private final Map<String, JsonNode> model = new HashMap<>();
        private boolean hasModel;
        private boolean hasVocabulary;
        private boolean hasMerges;

        Reader(String file) {
            this.file = file;
        }

        void readFile(JsonParser parser) throws IOException {
            expect(parser.nextToken(), JsonToken.START_OBJECT, "the file");
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals("model")) {
                    hasModel = true;
                    readModel(parser);
                } else {
                    JsonNode section = parser.readValueAsTree();
                    checkValues(name, section);
                    sections.put(name, section);
                }
            }
            if (parser.nextToken() != null) {
                throw new FormatException(file, "goes on after the JSON object");
            }
        }

        // Valid JSON, but the native library aborts on it.
        private void checkValues(String section, JsonNode value) {
            if (value.isNumber() && !value.isInt() && !(Math.abs(value.doubleValue()) <= Float.MAX_VALUE)) {
                throw new FormatException(file, "'" + section + "' has a number that is out of range");
            }
            boolean broken = value.isTextual() && isBroken(value.textValue());
            for (Map.Entry<String, JsonNode> property : value.properties()) {
                broken |= isBroken(property.getKey());
                if (property.getKey().equals("Regex") && !RegexCheck.isHarmless(property.getValue().asText())) {
                    throw new FormatException(file, "'" + section + "' has the regular expression '" + property.getValue().asText()
                            + "', which repeats a repetition without limit; some texts would take forever");
                }
            }
            if (broken) {
                throw new FormatException(file, "'" + section + "' has a text that is not Unicode");
            }
            value.forEach(element -> checkValues(section, element));
        }

        private static boolean isBroken(String text) {
            return !LoneSurrogates.replaced(text).equals(text);
        }

        private void readModel(JsonParser parser) throws IOException {
            expect(parser.currentToken(), JsonToken.START_OBJECT, "'model'");
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
                    hasVocabulary = true;
                    readVocabulary(parser);
                } else if (name.equals("merges") && value == JsonToken.START_ARRAY) {
                    hasMerges = true;
                    readMerges(parser);
                } else if (value == JsonToken.START_ARRAY || value == JsonToken.START_OBJECT) {
                    parser.skipChildren(); // another model type's vocabulary; refused by its type
                } else {
                    model.put(name, parser.readValueAsTree());
                }
            }
        }

        private void readVocabulary(JsonParser parser) throws IOException {
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String piece = parser.currentName();
                if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) {
                    throw new FormatException(file, "the id of vocabulary entry '" + piece + "' is not a whole number");
                }
                vocabulary.put(piece, id(parser.getNumberType() == JsonParser.NumberType.INT ? parser.getIntValue() : -1, piece));
            }
        }

        private int id(int id, String piece) {
            if (id < 0 || id >= MAX_ID) {
                throw new FormatException(file, "the id of '" + piece + "' is outside [0, " + MAX_ID + ")");
            }
            return id;
        }

        // "a b" in older files, ["a", "b"] in newer ones.
        private void readMerges(JsonParser parser) throws IOException {
            for (JsonToken token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
                boolean isPair = token == JsonToken.START_ARRAY && parser.nextToken() == JsonToken.VALUE_STRING
                        && parser.nextToken() == JsonToken.VALUE_STRING && parser.nextToken() == JsonToken.END_ARRAY;
                if (!isPair && token != JsonToken.VALUE_STRING) {
                    throw new FormatException(file, "'merges' has an entry that is not a pair of texts (line "
                            + parser.currentLocation().getLineNr() + ")");
                }
            }
        }

        private void expect(JsonToken actual, JsonToken expected, String what) {
            if (actual != expected) {
                throw new FormatException(file, what + " is not a JSON object");
            }
        }

        TokenizerJson checked(String json, TokenizerConfig config) {
            if (!hasModel) {
                throw new FormatException(file, "has no 'model'; is it a tokenizer.json?");
            }
            checkModel();
            checkParts("normalizer", section("normalizer"), NORMALIZERS, "normalizers");
            checkParts("pre_tokenizer", section("pre_tokenizer"), PRE_TOKENIZERS, "pretokenizers");
            checkParts("decoder", section("decoder"), DECODERS, "decoders");
            checkParts("post_processor", section("post_processor"), POST_PROCESSORS, "processors");
            Map<String, Integer> all = withAddedTokens();
            int size = all.values().stream().mapToInt(Integer::intValue).max().orElseThrow() + 1;
            String[] pieces = new String[size];
            all.forEach((piece, id) -> pieces[id] = piece);
            checkTemplates(section("post_processor"), pieces);

            // Files of the Llama 2 era may leave the special tokens to tokenizer_config.json.
            boolean leftOpen = !containsTemplate(section("post_processor"));
            return new TokenizerJson(json, pieces,
                    leftOpen && config.addBos().orElse(false) ? List.of(specialId(all, "bos_token", config.bosToken())) : List.of(),
                    leftOpen && config.addEos().orElse(false) ? List.of(specialId(all, "eos_token", config.eosToken())) : List.of());
        }

        private int specialId(Map<String, Integer> all, String name, Optional<String> token) {
            Integer id = token.map(all::get).orElse(null);
            if (id == null) {
                throw new FormatException(file, "tokenizer_config.json asks for a '" + name + "' around texts, but "
                        + token.map(text -> "'" + text + "' is not in the vocabulary").orElse("does not name it"));
            }
            return id;
        }

        private void checkModel() {
            String type = model.getOrDefault("type", MissingNode.getInstance()).asText("BPE");
            if (!type.equals("BPE")) {
                throw new FormatException(file, "the model type is '" + type + "', only BPE is supported");
            }
            if (!hasVocabulary || !hasMerges) {
                throw new FormatException(file, "'model' needs an object 'vocab' and an array 'merges'");
            }
            if (vocabulary.isEmpty()) {
                throw new FormatException(file, "the vocabulary is empty");
            }
            refuseUnlessNeutral("dropout");
            refuseUnlessNeutral("continuing_subword_prefix");
            refuseUnlessNeutral("end_of_word_suffix");
            JsonNode unknown = model.getOrDefault("unk_token", MissingNode.getInstance());
            if (unknown.isTextual() && !vocabulary.containsKey(unknown.textValue())) {
                throw new FormatException(file, "'unk_token' is '" + unknown.textValue() + "', which is not in the vocabulary");
            }
        }

        private void refuseUnlessNeutral(String name) {
            JsonNode value = model.getOrDefault(name, MissingNode.getInstance());
            boolean neutral = value.isMissingNode() || value.isNull() || value.isTextual() && value.textValue().isEmpty()
                    || value.isNumber() && value.doubleValue() == 0;
            if (!neutral) {
                throw new FormatException(file, "'" + name + "' of the model is not supported");
            }
        }

        private JsonNode section(String name) {
            JsonNode section = sections.getOrDefault(name, MissingNode.getInstance());
            return section.isNull() ? MissingNode.getInstance() : section;
        }

        private void checkParts(String where, JsonNode part, Set<String> known, String listName) {
            if (part.isMissingNode()) {
                return;
            }
            String type = part.path("type").asText("");
            if (!known.contains(type)) {
                throw new FormatException(file, "'" + where + "' has type '" + type + "', which is not supported");
            }
            if (type.equals("Sequence")) {
                JsonNode list = part.path(listName);
                if (!list.isArray()) {
                    throw new FormatException(file, "'" + where + "' is a Sequence without the array '" + listName + "'");
                }
                list.forEach(element -> checkParts(where, element, known, listName));
            }
        }

        // The library gives an added token the id of the same piece in the vocabulary, else the next free one, whatever
        // the file says; so does this.
        private Map<String, Integer> withAddedTokens() {
            Map<String, Integer> all = new HashMap<>(vocabulary);
            JsonNode added = section("added_tokens");
            if (!added.isMissingNode() && !added.isArray()) {
                throw new FormatException(file, "'added_tokens' is not an array");
            }
            int next = vocabulary.size();
            for (JsonNode token : added) {
                JsonNode content = token.path("content");
                if (!content.isTextual() || !token.path("id").isIntegralNumber()) {
                    throw new FormatException(file, "'added_tokens' has an entry without a text 'content' and a number 'id'");
                }
                if (content.textValue().isEmpty()) {
                    continue;
                }
                Integer known = all.get(content.textValue());
                int id = known != null ? known : next;
                all.put(content.textValue(), id);
                next = Math.max(next, id + 1);
                if (token.path("id").longValue() != id) {
                    throw new FormatException(file, "added token '" + content.textValue() + "' claims id " + token.path("id").asText()
                            + ", but the vocabulary before it leaves it " + id);
                }
            }
            return all;
        }

        private static boolean containsTemplate(JsonNode part) {
            if (part.path("type").asText("").equals("TemplateProcessing")) {
                return true;
            }
            for (JsonNode element : part.path("processors")) {
                if (containsTemplate(element)) {
                    return true;
                }
            }
            return false;
        }

        private void checkTemplates(JsonNode part, String[] pieces) {
            part.path("processors").forEach(element -> checkTemplates(element, pieces));
            if (!part.path("type").asText("").equals("TemplateProcessing")) {
                return;
            }
            JsonNode special = part.path("special_tokens");
            List<JsonNode> entries = new ArrayList<>();
            for (String template : List.of("single", "pair")) {
                if (!part.path(template).isArray()) {
                    throw new FormatException(file, "'post_processor' has no array '" + template + "'");
                }
                part.path(template).forEach(entries::add);
            }
            for (JsonNode entry : entries) {
                String token = entry.path("SpecialToken").path("id").asText("");
                boolean known = entry.path("Sequence").isObject() || special.path(token).isObject();
                if (!entry.isObject() || !known) {
                    throw new FormatException(file, "'post_processor' uses '" + token + "', which its 'special_tokens' does not have");
                }
            }
            for (JsonNode token : special) {
                if (!token.path("ids").isArray() || !token.path("tokens").isArray()
                        || token.path("ids").size() != token.path("tokens").size()) {
                    throw new FormatException(file, "'post_processor' has a special token without as many 'ids' as 'tokens'");
                }
                for (JsonNode id : token.path("ids")) {
                    if (!id.isInt() || id.intValue() < 0 || id.intValue() >= pieces.length || pieces[id.intValue()] == null) {
                        throw new FormatException(file, "'post_processor' adds token " + id.asText() + ", which is not in the vocabulary");
                    }
                }
            }
        }
    }
}
