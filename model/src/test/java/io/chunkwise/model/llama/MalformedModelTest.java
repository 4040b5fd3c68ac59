package io.chunkwise.model.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.chunkwise.model.Progress;
import io.chunkwise.model.fixtures.GgufModels;
import io.chunkwise.model.fixtures.GgufWriter;
import io.chunkwise.model.fixtures.HuggingFaceModels;
import io.chunkwise.model.fixtures.Refusals;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class MalformedModelTest {
    private static final GgufModels.Vocabulary VOCABULARY = GgufModels.Vocabulary.numbered(288);
    private static final LlamaConfig CONFIG = new LlamaConfig(LlamaArchitecture.LLAMA, 32, 2, 4, 2, 8, 64, 288, 128, 1e-6f, 10_000f,
            new RopeScaling.None(), RotaryPairing.HALVES, 0, false, false, 1, Set.of(2));
    private static LlamaModel model;

    @TempDir
    Path directory;
    private Path gguf;

    @BeforeAll
    static void makeModel() {
        model = SyntheticLlama.model(CONFIG, TensorType.F32, 1);
    }

    @AfterAll
    static void closeModel() {
        model.close();
    }

    @BeforeEach
    void namePath() {
        gguf = directory.resolve("damaged.gguf");
    }

    /** JSON that replaces members of config.json, and what the message says. */
    private static Stream<Arguments> configs() {
        return Stream.of(
                Arguments.of("{\"architectures\":[\"GPT2LMHeadModel\"]}", "GPT2LMHeadModel"),
                Arguments.of("{\"architectures\":[\"LlamaForSequenceClassification\"]}", "'architectures'"),
                Arguments.of("{\"architectures\":[\"MixtralForCausalLM\"],\"model_type\":\"mixtral\"}", "Mixtral"),
                Arguments.of("{\"architectures\":[]}", "'architectures'"),
                Arguments.of("{\"architectures\":\"LlamaForCausalLM\"}", "'architectures'"),
                Arguments.of("{\"architectures\":null,\"model_type\":null}", "model_type"),
                Arguments.of("{\"architectures\":[\"MistralForCausalLM\"]}", "contradict each other"),
                Arguments.of("{\"model_type\":\"qwen3\"}", "'model_type' is \"qwen3\""),
                Arguments.of("{\"hidden_size\":null}", "'hidden_size' is missing"),
                Arguments.of("{\"hidden_size\":0}", "'hidden_size' is 0"),
                Arguments.of("{\"hidden_size\":-32}", "'hidden_size' is -32"),
                Arguments.of("{\"hidden_size\":32.5}", "'hidden_size' is 32.5"),
                Arguments.of("{\"hidden_size\":\"32\"}", "'hidden_size' is \"32\""),
                Arguments.of("{\"hidden_size\":[32]}", "'hidden_size' is [32]"),
                Arguments.of("{\"hidden_size\":{\"x\":1}}", "'hidden_size'"),
                Arguments.of("{\"hidden_size\":true}", "'hidden_size' is true"),
                Arguments.of("{\"hidden_size\":64}", "expected [288, 64]"),
                Arguments.of("{\"hidden_size\":2147483648}", "'hidden_size' is 2147483648"),
                Arguments.of("{\"hidden_size\":" + "9".repeat(500) + "}", "'hidden_size'"),
                Arguments.of("{\"hidden_size\":1e400}", "'hidden_size'"),
                Arguments.of("{\"num_hidden_layers\":0}", "'num_hidden_layers' is 0"),
                Arguments.of("{\"num_hidden_layers\":2147483648}", "'num_hidden_layers' is 2147483648"),
                Arguments.of("{\"num_hidden_layers\":2147483647}", "'num_hidden_layers' is 2147483647"),
                Arguments.of("{\"num_hidden_layers\":16777216}", "layer count is 16777216"),
                Arguments.of("{\"num_hidden_layers\":65536}", "is missing"),
                Arguments.of("{\"num_hidden_layers\":3}", "'model.layers.2.input_layernorm.weight' is missing"),
                Arguments.of("{\"num_hidden_layers\":1}", "'model.layers.1.input_layernorm.weight' and 8 more tensors are not part"),
                Arguments.of("{\"num_attention_heads\":0}", "'num_attention_heads' is 0"),
                Arguments.of("{\"num_attention_heads\":3}", "not a multiple of the key/value head count"),
                Arguments.of("{\"num_attention_heads\":8}", "'model.layers.0.self_attn.q_proj.weight' is [32, 32], expected [64, 32]"),
                Arguments.of("{\"num_attention_heads\":16777216,\"head_dim\":16777216}", "too many"),
                Arguments.of("{\"num_key_value_heads\":0}", "'num_key_value_heads' is 0"),
                Arguments.of("{\"num_key_value_heads\":null}", "'model.layers.0.self_attn.k_proj.weight' is [16, 32], expected [32, 32]"),
                Arguments.of("{\"num_key_value_heads\":4}", "expected [32, 32]"),
                Arguments.of("{\"head_dim\":7}", "is odd"),
                Arguments.of("{\"head_dim\":16}", "expected [64, 32]"),
                Arguments.of("{\"head_dim\":null,\"num_attention_heads\":6}", "not a multiple"),
                Arguments.of("{\"intermediate_size\":0}", "'intermediate_size' is 0"),
                Arguments.of("{\"intermediate_size\":96}", "expected [96, 32]"),
                Arguments.of("{\"vocab_size\":1099511627776}", "'vocab_size' is 1099511627776"),
                Arguments.of("{\"vocab_size\":289}", "'model.embed_tokens.weight' is [288, 32], expected [289, 32]"),
                Arguments.of("{\"max_position_embeddings\":0}", "'max_position_embeddings' is 0"),
                Arguments.of("{\"max_position_embeddings\":4294967296}", "'max_position_embeddings' is 4294967296"),
                Arguments.of("{\"rms_norm_eps\":0}", "norm epsilon 0.0"),
                Arguments.of("{\"rms_norm_eps\":-1e-5}", "norm epsilon"),
                Arguments.of("{\"rms_norm_eps\":\"1e-5\"}", "'rms_norm_eps'"),
                Arguments.of("{\"rms_norm_eps\":1e999}", "'rms_norm_eps'"),
                Arguments.of("{\"rope_theta\":0}", "rope theta 0.0"),
                Arguments.of("{\"rope_theta\":-10000}", "rope theta"),
                Arguments.of("{\"rope_theta\":\"big\"}", "'rope_theta'"),
                Arguments.of("{\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4}}", "'rope_type' is \"yarn\""),
                Arguments.of("{\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":4}}", "'rope_type' is \"dynamic\""),
                Arguments.of("{\"rope_scaling\":{\"rope_type\":\"longrope\",\"factor\":4}}", "'rope_type' is \"longrope\""),
                Arguments.of("{\"rope_scaling\":{\"type\":\"su\",\"factor\":4}}", "'rope_type' is \"su\""),
                Arguments.of("{\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":4}}", "'rope_type' is \"yarn\""),
                Arguments.of("{\"rope_scaling\":{\"type\":\"linear\"}}", "'factor' of 'rope_scaling' is missing"),
                Arguments.of("{\"rope_scaling\":{\"type\":\"linear\",\"factor\":0}}", "'factor' of 'rope_scaling' is 0"),
                Arguments.of("{\"rope_scaling\":{\"type\":\"linear\",\"factor\":-2}}", "'factor' of 'rope_scaling' is -2"),
                Arguments.of("{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8}}",
                        "'low_freq_factor' of 'rope_scaling' is missing"),
                Arguments.of("{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4}}",
                        "'original_max_position_embeddings' is missing"),
                Arguments.of("{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4,"
                        + "\"original_max_position_embeddings\":64}}", "not below"),
                Arguments.of("{\"rope_scaling\":\"linear\"}", "expected an object"),
                Arguments.of("{\"rope_scaling\":{\"full_attention\":{\"rope_type\":\"default\"}}}",
                        "different values for different layers"),
                Arguments.of("{\"rope_parameters\":{\"rope_type\":\"default\"},\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}",
                        "contradict each other"),
                Arguments.of("{\"rope_parameters\":{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5}}",
                        "'partial_rotary_factor' is 0.5"),
                Arguments.of("{\"partial_rotary_factor\":0.25}", "'partial_rotary_factor' is 0.25"),
                Arguments.of("{\"hidden_act\":\"gelu\"}", "'hidden_act' is \"gelu\""),
                Arguments.of("{\"hidden_act\":5}", "'hidden_act' is 5"),
                Arguments.of("{\"attention_bias\":true}", "'attention_bias' is true"),
                Arguments.of("{\"attention_bias\":\"no\"}", "'attention_bias' is \"no\""),
                Arguments.of("{\"mlp_bias\":true}", "'mlp_bias' is true"),
                Arguments.of("{\"num_local_experts\":8}", "'num_local_experts' is 8"),
                Arguments.of("{\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}}",
                        "'quantization_config' (gptq) is not supported"),
                Arguments.of("{\"quantization_config\":{\"quant_method\":\"awq\"}}", "(awq)"),
                Arguments.of("{\"sliding_window\":64}", "'sliding_window' is 64"),
                Arguments.of("{\"layer_types\":[\"full_attention\",\"sliding_attention\"]}", "'layer_types'"),
                Arguments.of("{\"tie_word_embeddings\":true}", "'lm_head.weight' differs from 'model.embed_tokens.weight'"),
                Arguments.of("{\"tie_word_embeddings\":1}", "'tie_word_embeddings' is 1"),
                Arguments.of("{\"bos_token_id\":288}", "'bos_token_id' is 288"),
                Arguments.of("{\"bos_token_id\":-2}", "'bos_token_id' is -2"),
                Arguments.of("{\"eos_token_id\":[2,9999999999]}", "'eos_token_id'"),
                Arguments.of("{\"eos_token_id\":[2,500]}", "'eos_token_id' is 500"),
                Arguments.of("{\"eos_token_id\":\"</s>\"}", "'eos_token_id'"),
                Arguments.of("{\"eos_token_id\":[[2]]}", "'eos_token_id'"),
                Arguments.of("{\"architectures\":[\"Qwen2ForCausalLM\"],\"model_type\":\"qwen2\",\"use_sliding_window\":true}",
                        "'use_sliding_window' is true"),
                Arguments.of("{\"architectures\":[\"Qwen2ForCausalLM\"],\"model_type\":\"qwen2\"}",
                        "'model.layers.0.self_attn.q_proj.bias' is missing"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("configs")
    void aConfigurationIsRefused(String replaced, String part) throws IOException {
        writeDirectory();
        ObjectNode json = HuggingFaceModels.config(CONFIG);
        json.setAll((ObjectNode) new ObjectMapper().readTree(replaced));
        HuggingFaceModels.writeConfig(directory, json);
        Refusals.assertRefused(directory, this::openDirectory, part);
    }

    /** Whole contents of config.json that are no JSON object. */
    private static Stream<String> texts() {
        return Stream.of("", " ", "[]", "1", "null", "\"x\"", "{", "{}", "{\"a\":1,}", "{'a':1}", "{\"a\":NaN}", "{\"a\":Infinity}",
                "{\"a\":1} x",
                "{\"hidden_size\":1,\"hidden_size\":2}", "{\"a\":" + "[".repeat(200_000),
                "{\"a\":" + "[".repeat(500) + "]".repeat(500) + "}", "{\"a\":" + "1".repeat(2_000_000) + "}",
                "{\"" + "a".repeat(1_000_000) + "\":1}", "\0\0\0\0", "{\"a\": 0x10}", "// comment\n{}");
    }

    @ParameterizedTest
    @MethodSource("texts")
    void textThatIsNoConfigurationIsRefused(String text) throws IOException {
        writeDirectory();
        Files.writeString(directory.resolve("config.json"), text);
        Refusals.assertRefused(directory.resolve("config.json"), this::openDirectory);
        writeDirectory();
        if (!text.equals("{}")) {
            Files.writeString(directory.resolve("generation_config.json"), text);
            Refusals.assertRefused(directory.resolve("generation_config.json"), this::openDirectory);
        }
    }

    @Test
    void otherEncodingsOfAConfigurationAreRefused() throws IOException {
        writeDirectory();
        String json = HuggingFaceModels.config(CONFIG).toString();
        Files.write(directory.resolve("config.json"), json.getBytes(StandardCharsets.UTF_16LE));
        Refusals.assertRefused(directory.resolve("config.json"), this::openDirectory, "not valid JSON");
        Files.write(directory.resolve("config.json"), new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}'});
        Refusals.assertRefused(directory.resolve("config.json"), this::openDirectory, "not UTF-8");
    }

    @Test
    void anIncompleteDirectoryIsRefusedNamingWhatIsMissing() throws IOException {
        Refusals.assertRefused(directory, this::openDirectory, "has no config.json");
        writeDirectory();
        Files.delete(directory.resolve("model.safetensors"));
        Refusals.assertRefused(directory, this::openDirectory, "has neither model.safetensors nor model.safetensors.index.json");
        Files.createFile(directory.resolve("pytorch_model.bin"));
        Refusals.assertRefused(directory, this::openDirectory, "convert pytorch_model.bin");
        writeDirectory();
        Files.delete(directory.resolve("tokenizer.model"));
        Refusals.assertRefused(directory, this::openDirectory, "neither tokenizer.json nor tokenizer.model");
    }

    @Test
    void whatIsNeitherDirectoryNorGgufIsRefused() throws Exception {
        Path file = directory.resolve("thing");
        UnaryOperator<String> refusal = part -> {
            Refusals.assertRefused(file, () -> ModelFiles.open(file, Progress.NONE).close(), part);
            return part;
        };
        refusal.apply("no such file or directory");
        assertEquals(0, new ProcessBuilder("mkfifo", file.toString()).start().waitFor(), "mkfifo");
        refusal.apply("is not a regular file");
        Files.delete(file);
        Files.createFile(file);
        refusal.apply("does not begin with 'GGUF'");
        Files.writeString(file, "GGU");
        refusal.apply("does not begin with 'GGUF'");
        Files.writeString(file, "GGUF");
        refusal.apply("ends at byte 4, within version");
        writeDirectory();
        Path weights = directory.resolve("model.safetensors");
        Refusals.assertRefused(weights, () -> ModelFiles.open(weights, Progress.NONE).close(), "Name the directory");
    }

    @Test
    void pipesInTheDirectoryAreRefused() throws Exception {
        for (String name : List.of("config.json", "generation_config.json", "model.safetensors", "tokenizer.model", "tokenizer.json",
                "tokenizer_config.json")) {
            writeDirectory();
            Path pipe = directory.resolve(name);
            Files.deleteIfExists(pipe);
            assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor(), "mkfifo");
            Refusals.assertRefused(pipe, this::openDirectory, "is not a regular file");
            Files.delete(pipe);
        }
    }

    @Test
    void everyMissingTensorIsNamed() throws IOException {
        writeDirectory();
        List<TensorView> tensors = HuggingFaceModels.tensors(model, TensorType.F32);
        for (int i = 0; i < tensors.size(); i++) {
            List<TensorView> remaining = new ArrayList<>(tensors);
            TensorView removed = remaining.remove(i);
            SafetensorsWriter.write(directory.resolve("model.safetensors"), remaining, Map.of());
            Refusals.assertRefused(directory, this::openDirectory, "'" + removed.name() + "' is missing");
        }
        GgufWriter writer = GgufModels.writer(model, TensorType.F32, VOCABULARY);
        List<String> names = writer.toBytes().length == 0 ? List.of() : writer.marks().keySet().stream()
                .filter(mark -> mark.startsWith("data ")).map(mark -> mark.substring(5)).toList();
        for (String name : names) {
            if (!name.equals("output.weight")) { // without it the output is tied
                GgufModels.writer(model, TensorType.F32, VOCABULARY).remove(name).write(gguf);
                Refusals.assertRefused(gguf, this::openGguf, "'" + name + "' is missing");
            }
        }
    }

    @Test
    void everyTensorOfAnotherShapeIsNamed() throws IOException {
        writeDirectory();
        List<TensorView> tensors = HuggingFaceModels.tensors(model, TensorType.F32);
        for (int i = 0; i < tensors.size(); i++) {
            TensorView good = tensors.get(i);
            for (List<Long> shape : List.of(good.shape().reversed(), List.of(good.elements()), List.of(1L, good.elements()),
                    List.of(good.elements(), 1L),
                    List.of(1L, 1L, good.elements()))) {
                if (!shape.equals(good.shape())) {
                    List<TensorView> damaged = new ArrayList<>(tensors);
                    damaged.set(i, new TensorView(good.name(), good.type(), shape, good.data()));
                    SafetensorsWriter.write(directory.resolve("model.safetensors"), damaged, Map.of());
                    Refusals.assertRefused(directory, this::openDirectory, "'" + good.name() + "' is " + shape + ", expected "
                            + good.shape());
                }
            }
        }
    }

    /** Names of tensors that no supported model has. */
    private static Stream<Arguments> foreignTensors() {
        return Stream.of(Arguments.of("model.layers.0.self_attn.q_norm.weight", "blk.0.attn_q_norm.weight"),
                Arguments.of("model.layers.1.self_attn.q_proj.bias", "blk.1.attn_q.bias"),
                Arguments.of("model.layers.1.self_attn.o_proj.bias", "blk.1.attn_output.bias"),
                Arguments.of("model.layers.2.input_layernorm.weight", "blk.2.attn_norm.weight"),
                Arguments.of("model.layers.0.mlp.experts.0.gate_proj.weight", "blk.0.ffn_gate_exps.weight"));
    }

    @ParameterizedTest
    @MethodSource("foreignTensors")
    void aTensorThatNothingAsksForIsRefusedByName(String huggingFace, String inGguf) throws IOException {
        writeDirectory();
        List<TensorView> tensors = new ArrayList<>(HuggingFaceModels.tensors(model, TensorType.F32));
        tensors.add(new TensorView(huggingFace, TensorType.F32, List.of(8L), tensors.getFirst().data().asSlice(0, 32)));
        SafetensorsWriter.write(directory.resolve("model.safetensors"), tensors, Map.of());
        Refusals.assertRefused(directory, this::openDirectory, "'" + huggingFace + "' is not part of the model");
        GgufModels.writer(model, TensorType.F32, VOCABULARY).tensor(inGguf, 0, List.of(8L), new byte[32]).write(gguf);
        Refusals.assertRefused(gguf, this::openGguf, "'" + inGguf + "' is not part of the model");
    }

    /** Name of a change to a GGUF model, the change, what the message says. */
    private static Stream<Arguments> ggufChanges() {
        return Stream.of(
                change("no architecture", writer -> writer.remove("general.architecture"), "'general.architecture' is missing"),
                change("architecture is a number", writer -> writer.uint32("general.architecture", 1), "expected a string"),
                change("gemma", writer -> writer.string("general.architecture", "gemma"), "'general.architecture' is 'gemma'"),
                change("empty architecture", writer -> writer.string("general.architecture", ""), "'general.architecture' is ''"),
                change("an adapter", writer -> writer.string("general.type", "adapter"), "give it as the adapter"),
                change("a part", writer -> writer.uint32("split.count", 3), "one of 3 parts"),
                change("experts", writer -> writer.uint32("llama.expert_count", 8), "'llama.expert_count' is 8"),
                change("no layers", writer -> writer.remove("llama.block_count"), "'llama.block_count' is missing"),
                change("0 layers", writer -> writer.uint32("llama.block_count", 0), "'llama.block_count' is 0"),
                change("-1 layers", writer -> writer.uint32("llama.block_count", -1), "'llama.block_count' is 4294967295"),
                change("2^31 layers", writer -> writer.uint32("llama.block_count", 1 << 31), "'llama.block_count' is 2147483648"),
                change("2^24 layers", writer -> writer.uint32("llama.block_count", 1 << 24), "layer count is 16777216"),
                change("2^16 layers", writer -> writer.uint32("llama.block_count", 1 << 16), "'blk.2.attn_norm.weight' is missing"),
                change("one layer more", writer -> writer.uint32("llama.block_count", 3), "'blk.2.attn_norm.weight' is missing"),
                change("one layer less", writer -> writer.uint32("llama.block_count", 1), "not part of the model"),
                change("layers as text", writer -> writer.string("llama.block_count", "2"), "expected an integer"),
                change("layers as a fraction", writer -> writer.float32("llama.block_count", 2), "expected an integer"),
                change("layers of 2^64 - 1", writer -> writer.uint64("llama.block_count", -1), "expected an integer below 2^63"),
                change("no width", writer -> writer.remove("llama.embedding_length"), "'llama.embedding_length' is missing"),
                change("another width", writer -> writer.uint32("llama.embedding_length", 64), "expected [288, 64]"),
                change("0 heads", writer -> writer.uint32("llama.attention.head_count", 0), "'llama.attention.head_count' is 0"),
                change("heads per layer", writer -> writer.int32s("llama.attention.head_count", new int[] {4, 4}),
                        "sizes that differ between layers"),
                change("other heads", writer -> writer.uint32("llama.attention.head_count", 8), "expected [64, 32]"),
                change("0 key heads", writer -> writer.uint32("llama.attention.head_count_kv", 0), "'llama.attention.head_count_kv' is 0"),
                change("3 key heads", writer -> writer.uint32("llama.attention.head_count_kv", 3), "not a multiple"),
                change("no key heads", writer -> writer.remove("llama.attention.head_count_kv"), "expected [32, 32]"),
                change("keys and values differ", writer -> writer.uint32("llama.attention.value_length", 16), "differ"),
                change("odd heads", writer -> writer.uint32("llama.attention.key_length", 7).uint32("llama.attention.value_length", 7)
                        .uint32("llama.rope.dimension_count", 7), "is odd"),
                change("part of a head rotated", writer -> writer.uint32("llama.rope.dimension_count", 4),
                        "'llama.rope.dimension_count' is 4"),
                change("no feed-forward", writer -> writer.remove("llama.feed_forward_length"), "'llama.feed_forward_length' is missing"),
                change("feed-forward of 2^32 - 1", writer -> writer.uint32("llama.feed_forward_length", -1), "'llama.feed_forward_length'"),
                change("no context", writer -> writer.remove("llama.context_length"), "'llama.context_length' is missing"),
                change("context of 2^63 - 1", writer -> writer.uint64("llama.context_length", Long.MAX_VALUE), "'llama.context_length'"),
                change("no epsilon", writer -> writer.remove("llama.attention.layer_norm_rms_epsilon"), "is missing"),
                change("epsilon of NaN", writer -> writer.float32("llama.attention.layer_norm_rms_epsilon", Float.NaN), "norm epsilon NaN"),
                change("epsilon of 0", writer -> writer.float32("llama.attention.layer_norm_rms_epsilon", 0), "norm epsilon"),
                change("theta of NaN", writer -> writer.float32("llama.rope.freq_base", Float.NaN), "rope theta"),
                change("theta of infinity", writer -> writer.float32("llama.rope.freq_base", Float.POSITIVE_INFINITY), "rope theta"),
                change("theta of 0", writer -> writer.float32("llama.rope.freq_base", 0), "rope theta"),
                change("yarn", writer -> writer.string("llama.rope.scaling.type", "yarn").float32("llama.rope.scaling.factor", 4),
                        "'llama.rope.scaling.type' is 'yarn'"),
                change("linear without factor", writer -> writer.string("llama.rope.scaling.type", "linear"),
                        "'llama.rope.scaling.factor' is missing"),
                change("factor of 0", writer -> writer.float32("llama.rope.scaling.factor", 0), "expected a positive number"),
                change("factor of NaN", writer -> writer.float32("llama.rope.scaling.factor", Float.NaN), "expected a positive number"),
                change("scaled attention", writer -> writer.float32("llama.rope.scaling.attn_factor", 2),
                        "'llama.rope.scaling.attn_factor' is 2.0"),
                change("divisors of another head", writer -> writer.tensor("rope_freqs.weight", 0, List.of(3L), floats(1, 1, 1)),
                        "'rope_freqs.weight' is [3], expected [4]"),
                change("divisor of 0", writer -> writer.tensor("rope_freqs.weight", 0, List.of(4L), floats(1, 1, 0, 1)),
                        "has 0.0 at index 2"),
                change("divisor of NaN", writer -> writer.tensor("rope_freqs.weight", 0, List.of(4L), floats(1, Float.NaN, 1, 1)),
                        "has NaN at index 1"),
                change("divisors and a factor", writer -> writer.tensor("rope_freqs.weight", 0, List.of(4L), floats(1, 1, 1, 1))
                        .float32("llama.rope.scaling.factor", 2), "has both"),
                change("vocabulary of 2^40", writer -> writer.uint64("llama.vocab_size", 1L << 40), "'llama.vocab_size' is 1099511627776"),
                change("begin token outside", writer -> writer.uint32("tokenizer.ggml.bos_token_id", 288),
                        "'tokenizer.ggml.bos_token_id' is 288"),
                change("end token outside", writer -> writer.uint32("tokenizer.ggml.eos_token_id", 1 << 31),
                        "'tokenizer.ggml.eos_token_id'"),
                change("negative window", writer -> writer.raw("llama.attention.sliding_window", GgufWriter.INT32,
                        new byte[] {-1, -1, -1, -1}),
                        "'llama.attention.sliding_window' is -1"),
                change("no tokens", writer -> writer.remove("tokenizer.ggml.tokens"), "tokenizer"),
                change("a weight in Q4_K", writer -> writer.tensor("token_embd.weight", 12, List.of(288L, 256L), new byte[288 * 144]),
                        "'token_embd.weight' is Q4_K, which is not supported; convert to Q8_0 or Q4_0"),
                change("a weight in I32", writer -> writer.tensor("output_norm.weight", 26, List.of(32L), new byte[128]),
                        "'output_norm.weight' is I32"),
                change("more tokens than embeddings", writer -> addVocabulary(writer, GgufModels.Vocabulary.numbered(289)),
                        "the tokenizer has 289 ids, but the model only 288 embeddings"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("ggufChanges")
    void aGgufModelIsRefused(String name, Consumer<GgufWriter> change, String part) throws IOException {
        GgufWriter writer = GgufModels.writer(model, TensorType.F32, VOCABULARY);
        change.accept(writer);
        writer.write(gguf);
        Refusals.assertRefused(gguf, this::openGguf, part);
    }

    @Test
    void fewerTokensThanEmbeddingsAreAccepted() throws IOException {
        GgufWriter writer = GgufModels.writer(model, TensorType.F32, VOCABULARY);
        addVocabulary(writer, GgufModels.Vocabulary.numbered(270));
        writer.write(gguf);
        assertTrue(Refusals.attempt(this::openGguf).isEmpty());
    }

    @ParameterizedTest
    @EnumSource
    void aWeightThatIsNoNumberIsNamedWithItsIndex(TensorType type) throws IOException {
        int badScale = Float.floatToFloat16(Float.NaN);
        for (int bits : new int[] {0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xff80_0001}) {
            GgufWriter writer = GgufModels.writer(model, type, VOCABULARY);
            byte[] whole = writer.toBytes();
            int block = 3;
            ByteBuffer bytes = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
            int at = writer.marks().get("data blk.1.ffn_up.weight") + block * type.blockBytes();
            switch (type) {
                case F32 -> bytes.putInt(at, bits);
                case BF16 -> bytes.putShort(at, (short) (bits >>> 16 | bits & 1));
                case F16, Q8_0, Q4_0 -> bytes.putShort(at, (short) (bits < 0 ? badScale : 0x7c00));
            }
            Files.write(gguf, whole);
            Refusals.assertRefused(gguf, this::openGguf, "'blk.1.ffn_up.weight' has the value ", " at index " + block * type.blockElements()
                    + ".");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void aWeightOfADirectoryThatIsNoNumberIsNamedWithItsIndex(TensorType type) throws IOException {
        HuggingFaceModels.write(directory, model, type, VOCABULARY);
        Path weights = directory.resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(weights);
        // The output is written last: its last weight, all bits set.
        Arrays.fill(whole, whole.length - type.blockBytes(), whole.length, (byte) 0xff);
        Files.write(weights, whole);
        Refusals.assertRefused(weights, this::openDirectory, "'lm_head.weight' has the value NaN at index " + (288 * 32 - 1));
    }

    @Test
    void aGgufModelCutAnywhereIsRefused() throws IOException {
        GgufWriter writer = GgufModels.writer(model, TensorType.Q8_0, VOCABULARY);
        byte[] whole = writer.toBytes();
        int needed = writer.marks().get("data output.weight") + (int) TensorType.Q8_0.bytesFor(288 * 32);
        List<Integer> lengths = new ArrayList<>(writer.marks().values());
        for (int length = 0; length < needed; length += 509) {
            lengths.add(length);
        }
        for (int length : lengths) {
            for (int cut : new int[] {length - 1, length, length + 1}) {
                if (cut >= 0 && cut < needed) {
                    Files.write(gguf, Arrays.copyOf(whole, cut));
                    Refusals.assertRefused(gguf, this::openGguf);
                }
            }
        }
    }

    @Test
    void aDirectoryWithAFileCutAnywhereIsRefused() throws IOException {
        writeDirectory();
        for (String name : List.of("model.safetensors", "config.json", "tokenizer.model")) {
            Path file = directory.resolve(name);
            byte[] whole = Files.readAllBytes(file);
            for (int length = 0; length < whole.length; length += Math.max(1, whole.length / 100)) {
                Files.write(file, Arrays.copyOf(whole, length));
                if (name.equals("tokenizer.model")) {
                    Refusals.attempt(this::openDirectory); // cut between two entries it is a smaller vocabulary
                } else {
                    Refusals.assertRefused(file, this::openDirectory);
                }
            }
            Files.write(file, whole);
        }
    }

    @Test
    void aGgufModelWithChangedBytesIsAcceptedOrRefused() throws IOException {
        Random random = new Random(20_260_103);
        GgufWriter writer = GgufModels.writer(model, TensorType.Q8_0, VOCABULARY);
        byte[] whole = writer.toBytes();
        int vocabulary = writer.marks().get("type tokenizer.ggml.tokens");
        int afterVocabulary = writer.marks().get("key tokenizer.ggml.bos_token_id");
        int head = writer.marks().get("padding");
        for (int round = 0; round < 400; round++) {
            byte[] damaged = whole.clone();
            for (int change = random.nextInt(1, 4); change > 0; change--) {
                // The long vocabulary would otherwise take most of the changes.
                int at = random.nextInt(10) == 0 ? random.nextInt(head) : random.nextInt(vocabulary + 40 + head - afterVocabulary);
                damaged[at < vocabulary + 40 ? at : at - vocabulary - 40 + afterVocabulary] = (byte) random.nextInt();
            }
            Files.write(gguf, damaged);
            Refusals.attempt(this::openGguf);
        }
    }

    @Test
    void aDirectoryWithChangedBytesIsAcceptedOrRefused() throws IOException {
        writeDirectory();
        Random random = new Random(20_260_104);
        byte[] telling = "0123456789-.,:[]{}\"eE \0\ntrufalsn".getBytes(StandardCharsets.US_ASCII);
        for (String name : List.of("config.json", "model.safetensors")) {
            Path file = directory.resolve(name);
            byte[] whole = Files.readAllBytes(file);
            int head = name.equals("config.json") ? whole.length
                    : 8 + (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
            for (int round = 0; round < 300; round++) {
                byte[] damaged = whole.clone();
                for (int change = random.nextInt(1, 4); change > 0; change--) {
                    damaged[random.nextInt(head)] = telling[random.nextInt(telling.length)];
                }
                Files.write(file, damaged);
                Refusals.attempt(this::openDirectory);
            }
            Files.write(file, whole);
        }
    }

    private void writeDirectory() throws IOException {
        HuggingFaceModels.write(directory, model, TensorType.F32, VOCABULARY);
    }

    private void openDirectory() {
        ModelFiles.open(directory, Progress.NONE).close();
    }

    private void openGguf() {
        ModelFiles.open(gguf, Progress.NONE).close();
    }

    private static Arguments change(String name, Consumer<GgufWriter> change, String part) {
        return Arguments.of(name, change, part);
    }

    private static void addVocabulary(GgufWriter writer, GgufModels.Vocabulary vocabulary) {
        writer.strings("tokenizer.ggml.tokens", vocabulary.tokens()).float32s("tokenizer.ggml.scores", vocabulary.scores())
                .int32s("tokenizer.ggml.token_type", vocabulary.types());
    }

    private static byte[] floats(float... values) {
        ByteBuffer out = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            out.putFloat(value);
        }
        return out.array();
    }
}
