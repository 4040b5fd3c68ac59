package io.chunkwise.model.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.fixtures.GgufWriter;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.SyntheticLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MalformedAdapterTest {
    private static final LlamaConfig MODEL = PeftDirectory.smallModel();
    private static final String QUERY_A = PeftDirectory.name(WeightRole.QUERY, 0, "A");
    private static final String QUERY_B = PeftDirectory.name(WeightRole.QUERY, 0, "B");

    @TempDir
    private Path directory;

    private static PeftDirectory peft() {
        return new PeftDirectory(MODEL, 3, 6, 1);
    }

    private static GgufWriter gguf() {
        return peft().gguf(MODEL, 6);
    }

    private static Adapter open(Path source) {
        return AdapterFiles.open(source, MODEL, Progress.NONE);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "use_dora | true | DoRA", "modules_to_save | [\"lm_head\"] | in full", "bias | \"all\" | biases", "bias | \"lora_only\" | biases",
        "lora_bias | true | bias", "layer_replication | [[0, 1], [0, 2]] | repeated", "target_parameters | [\"x\"] | parameters",
        "alora_invocation_tokens | [1, 2] | activated", "use_qalora | true | QA-LoRA", "megatron_config | {\"a\": 1} | Megatron",
        "trainable_token_indices | [3] | embedding", "fan_in_fan_out | true | inputs, outputs", "arrow_config | {\"top_k\": 3} | Arrow",
        "kasa_config | {\"beta\": 1} | KaSA", "use_bdlora | {\"nblocks\": 2} | block-diagonal",
        "corda_config | {\"verbose\": false} | CorDA",
        "lora_ga_config | {\"a\": 1} | LoRA-GA", "monteclora_config | {\"a\": 1} | MonteCLoRA",
        "init_lora_weights | \"pissa\" | changed base",
        "init_lora_weights | \"pissa_niter_16\" | changed base", "init_lora_weights | \"olora\" | changed base",
        "init_lora_weights | \"lora_ga\" | changed base", "init_lora_weights | \"corda\" | changed base",
        "init_lora_weights | 7 | changed base",
        "peft_type | \"LOHA\" | other kinds", "peft_type | null | other kinds", "task_type | \"SEQ_CLS\" | text generation",
        "some_new_field | 3 | not known", "some_new_field | {\"a\": null} | not known", "some_new_field | true | not known"})
    void fieldsThatWeDoNotImplementAreRefusedByName(String field, String value, String reason) throws IOException {
        assertRefused(peft().field(field, value).write(directory), "adapter_config.json", "'" + field + "'", reason);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "some_new_field | null", "some_new_field | false", "some_new_field | []", "some_new_field | {}", "some_new_field | \"\"",
        "use_dora | null", "modules_to_save | []", "init_lora_weights | false", "init_lora_weights | \"gaussian\"",
        "init_lora_weights | \"eva\"",
        "lora_dropout | 0.1", "loftq_config | {\"loftq_bits\": 4}", "eva_config | {\"rho\": 2.0}", "revision | \"main\"",
        "base_model_name_or_path | null", "layers_pattern | \"layers\"", "exclude_modules | [\"lm_head\"]", "qalora_group_size | 16",
        "task_type | null", "inference_mode | false", "rank_pattern | null", "alpha_pattern | {}", "target_modules | null",
        "target_modules | \".*proj\""})
    void fieldsThatChangeNothingAreAccepted(String field, String value) throws IOException {
        assertEquals(14, open(peft().field(field, value).write(directory)).sites().size());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "r | \"x\"", "r | 0", "r | -1", "r | 2147483648", "r | 2147483647", "r | 1e99", "r | 3.5", "r | true", "r | [3]", "r | {}",
        "r | 1" + "000000000000000000000000000000000000000000000000", "lora_alpha | \"x\"", "lora_alpha | 1e99", "lora_alpha | -1e99",
        "lora_alpha | true", "lora_alpha | []", "use_rslora | 1", "use_rslora | \"true\"", "rank_pattern | []", "rank_pattern | 3",
        "rank_pattern | {\"q_proj\": 0}", "rank_pattern | {\"q_proj\": \"3\"}", "rank_pattern | {\"q_proj\": 2147483648}",
        "rank_pattern | {\"(\": 3}", "rank_pattern | {\"*\": 3}", "alpha_pattern | {\"q_proj\": null}", "alpha_pattern | {\"[\": 1}",
        "alpha_pattern | \"q_proj\"", "target_modules | 3", "target_modules | [3]", "target_modules | {}", "target_modules | \"(\"",
        "exclude_modules | true", "layers_to_transform | \"x\"", "layers_to_transform | [-1]", "layers_to_transform | [1.5]"})
    void fieldsOfAnotherTypeOrRangeAreRefusedByName(String field, String value) throws IOException {
        assertRefused(peft().field(field, value).write(directory), "adapter_config.json", "'" + field + "'");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", "{", "[]", "3", "null", "{} {}", "{\"r\": }", "{\"r\": 3, \"r\": 4}", "{\"r\": NaN}", "\u0000\u0001", "{'r': 3}"})
    void aConfigurationThatIsNotOneJsonObjectIsRefused(String text) throws IOException {
        Path source = peft().write(directory);
        Files.writeString(source.resolve("adapter_config.json"), text);
        assertRefused(source, "adapter_config.json");
    }

    @Test
    void anEvilExpressionEndsInARefusal() throws IOException {
        PeftDirectory source = peft().field("alpha_pattern", "{\"([a-z._0-9]+)+\\\\1!\": 3}");
        assertRefused(source.write(directory), "adapter_config.json", "alpha_pattern", "too long");
    }

    @ParameterizedTest
    @CsvSource({
        "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector, DoRA",
        "base_model.model.model.embed_tokens.lora_embedding_A, embedding", "base_model.model.model.embed_tokens.lora_A.weight, embedding",
        "base_model.model.lm_head.lora_A.weight, output layer", "base_model.model.lm_head.modules_to_save.weight, modules_to_save",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias, bias", "base_model.model.model.layers.0.self_attn.q_proj.bias, bias",
        "base_model.model.model.norm.weight, seven projections", "model.layers.0.self_attn.q_proj.lora_A.weight, seven projections",
        "base_model.model.model.layers.00.self_attn.q_proj.lora_A.weight, seven projections",
        "base_model.model.model.layers.-1.self_attn.q_proj.lora_A.weight, seven projections",
        "base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight, the model has 2 layers",
        "base_model.model.model.layers.999999999.self_attn.q_proj.lora_A.weight, the model has 2 layers",
        "base_model.model.model.layers.99999999999999999999.self_attn.q_proj.lora_A.weight, seven projections",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_C.weight, seven projections",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.other.weight, more than one adapter"})
    void tensorsThatAreNoFactorOfAProjectionAreRefusedByName(String tensor, String reason) throws IOException {
        assertRefused(peft().tensor(tensor, TensorType.F32, List.of(3L, 16L), new float[48]).write(directory),
                "adapter_model.safetensors", "'" + tensor + "'", reason);
    }

    @ParameterizedTest
    @CsvSource({"A,B", "B,A"})
    void aFactorWithoutItsPartnerIsRefused(String kept, String lost) throws IOException {
        PeftDirectory source = peft();
        source.tensors().remove(PeftDirectory.name(WeightRole.GATE, 1, lost));
        assertRefused(source.write(directory), "adapter_model.safetensors", PeftDirectory.name(WeightRole.GATE, 1, kept),
                "no matching " + lost);
    }

    @Test
    void aSiteThatTargetModulesNamesMustBeThere() throws IOException {
        PeftDirectory source = peft();
        source.tensors().keySet().removeIf(name -> name.contains("layers.1.mlp.gate_proj"));
        for (String targets : List.of(
                "\"all-linear\"", "[\"q_proj\", \"gate_proj\"]", "\".*_proj\"", "[\"model.layers.1.mlp.gate_proj\"]")) {
            assertRefused(source.field("target_modules", targets).write(directory), "model.layers.1.mlp.gate_proj", "target_modules");
        }
        source.field("exclude_modules", "[\"layers.1.mlp.gate_proj\"]");
        assertEquals(13, open(source.write(directory)).sites().size());
    }

    @ParameterizedTest
    @CsvSource({"3,17", "3,15", "2,16", "4,16", "16,3", "0,16"})
    void aOfAnotherShapeIsRefused(long rows, long columns) throws IOException {
        PeftDirectory source = peft().tensor(QUERY_A, TensorType.F32, List.of(rows, columns), new float[(int) (rows * columns)]);
        assertRefused(source.write(directory), "adapter_model.safetensors", "'" + QUERY_A + "'", "[" + rows + ", " + columns + "]");
    }

    @ParameterizedTest
    @CsvSource({"17,3", "16,2", "16,4", "3,16", "16,0"})
    void bOfAnotherShapeIsRefused(long rows, long columns) throws IOException {
        PeftDirectory source = peft().tensor(QUERY_B, TensorType.F32, List.of(rows, columns), new float[(int) (rows * columns)]);
        assertRefused(source.write(directory), "adapter_model.safetensors", "'" + QUERY_B + "'",
                "[" + rows + ", " + columns + "], expected [16, 3]", "some/base");
    }

    @Test
    void otherNumbersOfDimensionsAreRefused() throws IOException {
        for (List<Long> shape : List.of(List.of(48L), List.of(3L, 4L, 4L), List.of(3L, 16L, 1L), List.<Long>of())) {
            int elements = (int) shape.stream().mapToLong(n -> n).reduce(1, (a, b) -> a * b);
            for (String name : List.of(QUERY_A, QUERY_B)) {
                PeftDirectory source = peft().tensor(name, TensorType.F32, shape, new float[elements]);
                assertRefused(source.write(directory), "'" + name + "'", shape.toString());
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"F32,NaN", "F16,NaN", "BF16,NaN", "F32,Infinity", "F16,-Infinity", "BF16,Infinity"})
    void valuesThatAreNotNumbersAreRefused(TensorType type, float value) throws IOException {
        float[] values = new float[48];
        values[17] = value;
        PeftDirectory inA = peft().tensor(QUERY_A, type, List.of(3L, 16L), values);
        assertRefused(inA.write(directory.resolve("a")), "'" + QUERY_A + "'", value + " at [1, 1]");
        PeftDirectory inB = peft().tensor(QUERY_B, type, List.of(16L, 3L), values);
        assertRefused(inB.write(directory.resolve("b")), "'" + QUERY_B + "'", value + " at [5, 2]");
    }

    @Test
    void aScaleThatLeavesTheRangeOfFloatIsRefused() throws IOException {
        float[] values = new float[48];
        Arrays.fill(values, 1e10f);
        PeftDirectory source = peft().field("lora_alpha", "3e38").tensor(QUERY_B, TensorType.F32, List.of(16L, 3L), values);
        assertRefused(source.write(directory), "scale");
    }

    @Test
    void anAdapterWithoutTensorsIsRefused() throws IOException {
        PeftDirectory source = peft().field("target_modules", "[]");
        source.tensors().clear();
        assertRefused(source.write(directory), "adapter_model.safetensors");
    }

    @Test
    void anAdapterOfAnotherModelIsRefused() throws IOException {
        Path source = peft().write(directory);
        for (LlamaConfig other : List.of(SyntheticLlama.config(32, 2, 4, 2, 12, 32, 64), SyntheticLlama.config(16, 1, 4, 2, 12, 32, 64),
                SyntheticLlama.config(16, 3, 4, 2, 12, 32, 64), SyntheticLlama.config(16, 2, 4, 4, 12, 32, 64),
                SyntheticLlama.config(16, 2, 4, 2, 13, 32, 64))) {
            FormatException refusal = assertThrows(FormatException.class, () -> AdapterFiles.open(source, other, Progress.NONE));
            assertTrue(refusal.getMessage().contains("another base model"), refusal.getMessage());
        }
    }

    @Test
    void everyCutOfTheTensorsIsRefused() throws IOException {
        Path source = peft().write(directory);
        Path tensors = source.resolve("adapter_model.safetensors");
        byte[] whole = Files.readAllBytes(tensors);
        for (int length = 0; length < whole.length; length += length < 2500 ? 11 : 199) {
            Files.write(tensors, Arrays.copyOf(whole, length));
            assertRefused(source, "adapter_model.safetensors");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void everyChangedByteIsReadOrRefusedInOneLine(long seed) throws IOException {
        Path source = peft().write(directory.resolve("peft"));
        Path file = directory.resolve("changed.gguf");
        byte[] config = Files.readAllBytes(source.resolve("adapter_config.json"));
        byte[] tensors = Files.readAllBytes(source.resolve("adapter_model.safetensors"));
        byte[] gguf = gguf().toBytes();
        Random random = new Random(seed);
        for (int i = 0; i < 200; i++) {
            Files.write(source.resolve("adapter_config.json"), changed(config, config.length, random));
            openOrRefuse(source);
            Files.write(source.resolve("adapter_config.json"), config);
            Files.write(source.resolve("adapter_model.safetensors"), changed(tensors, 3000, random));
            openOrRefuse(source);
            Files.write(source.resolve("adapter_model.safetensors"), tensors);
            Files.write(file, changed(gguf, 2500, random));
            openOrRefuse(file);
        }
    }

    private static byte[] changed(byte[] whole, int end, Random random) {
        byte[] bytes = whole.clone();
        for (int i = random.nextInt(3); i >= 0; i--) {
            bytes[random.nextInt(end)] ^= (byte) (1 << random.nextInt(8));
        }
        return bytes;
    }

    /** A changed digit of a weight or of alpha can't be told from the right one; everything else is said in one line. */
    private static void openOrRefuse(Path source) {
        try {
            assertEquals(List.of(), open(source).mismatches(MODEL));
        } catch (FormatException e) {
            assertFalse(e.getMessage().isBlank() || e.getMessage().contains("\n"), e.getMessage());
        }
    }

    @Test
    void metadataThatIsNotOfALoraAdapterOfThisArchitectureIsRefused() throws IOException {
        Path file = directory.resolve("x.gguf");
        gguf().string("general.type", "model").write(file);
        assertRefused(file, "general.type", "'model'");
        gguf().remove("general.type").write(file);
        assertRefused(file, "general.type");
        gguf().string("adapter.type", "control_vector").write(file);
        assertRefused(file, "adapter.type", "control_vector");
        gguf().string("general.architecture", "qwen2").write(file);
        assertRefused(file, "general.architecture", "'qwen2', expected 'llama'");
        gguf().remove("adapter.lora.alpha").write(file);
        assertRefused(file, "adapter.lora.alpha");
        gguf().string("adapter.lora.alpha", "6").write(file);
        assertRefused(file, "adapter.lora.alpha");
        gguf().float32("adapter.lora.alpha", Float.NaN).write(file);
        assertRefused(file, "adapter.lora.alpha", "NaN");
        gguf().uint32("general.type", 3).write(file);
        assertRefused(file, "general.type");
        gguf().float32s("adapter.alora.invocation_tokens", new float[] {1}).write(file);
        assertRefused(file, "alora");
    }

    @ParameterizedTest
    @CsvSource({
        "token_embd.weight.lora_a, seven projections", "output.weight.lora_a, seven projections",
        "blk.0.attn_norm.weight, seven projections", "blk.0.attn_q.weight, seven projections",
        "blk.0.attn_q.bias.lora_a, seven projections",
        "blk.2.attn_q.weight.lora_a, 2 layers",
        "blk.0.attn_x.weight.lora_a, seven projections"})
    void ggufTensorsThatAreNoFactorOfAProjectionAreRefusedByName(String tensor, String reason) throws IOException {
        Path file = directory.resolve("x.gguf");
        gguf().tensor(PeftDirectory.view(tensor, TensorType.F32, List.of(3L, 16L), new float[48])).write(file);
        assertRefused(file, "'" + tensor + "'", reason);
    }

    @Test
    void ggufFactorsThatDoNotFitAreRefused() throws IOException {
        Path file = directory.resolve("x.gguf");
        gguf().remove("blk.0.attn_q.weight.lora_b").write(file);
        assertRefused(file, "blk.0.attn_q.weight.lora_a", "no matching B");
        gguf().remove("blk.0.attn_q.weight.lora_a").write(file);
        assertRefused(file, "blk.0.attn_q.weight.lora_b", "no matching A");
        gguf().tensor(PeftDirectory.view("blk.0.attn_q.weight.lora_a", TensorType.F32, List.of(3L, 17L), new float[51])).write(file);
        assertRefused(file, "blk.0.attn_q.weight.lora_a", "[3, 17], expected [3, 16]");
        gguf().tensor(PeftDirectory.view("blk.0.attn_q.weight.lora_b", TensorType.F32, List.of(16L, 4L), new float[64])).write(file);
        assertRefused(file, "blk.0.attn_q.weight.lora_b", "[16, 4], expected [16, 3]");
        float[] values = new float[48];
        values[0] = Float.NaN;
        gguf().tensor(PeftDirectory.view("blk.0.attn_q.weight.lora_a", TensorType.F32, List.of(3L, 16L), values)).write(file);
        assertRefused(file, "blk.0.attn_q.weight.lora_a", "NaN");
    }

    @Test
    void everyCutOfAGgufAdapterIsRefused() throws IOException {
        GgufWriter writer = gguf();
        byte[] whole = writer.toBytes();
        int end = writer.marks().get("data blk.1.ffn_down.weight.lora_b") + 16 * 3 * 4; // padding may be cut
        Path file = directory.resolve("cut.gguf");
        for (int length = 0; length < end; length += length < 2500 ? 11 : 199) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertRefused(file);
        }
    }

    @Test
    void whatIsNoAdapterIsRefused() throws IOException {
        assertRefused(directory.resolve("absent"), "no such file");
        assertRefused(directory, "adapter_config.json");
        Path bin = Files.createDirectory(directory.resolve("bin"));
        Files.writeString(bin.resolve("adapter_config.json"), "{}");
        assertRefused(bin, "adapter_model.safetensors");
        Files.writeString(bin.resolve("adapter_model.bin"), "x");
        assertRefused(bin, "adapter_model.bin", "pickle");
        Path text = Files.writeString(directory.resolve("text.gguf"), "GGUG");
        assertRefused(text, "neither");
        assertThrows(FormatException.class, () -> AdapterFiles.hash(text));
        Path empty = Files.createFile(directory.resolve("empty"));
        assertRefused(empty, "neither");
    }

    private static void assertRefused(Path source, String... parts) {
        FormatException refusal = assertThrows(FormatException.class, () -> open(source));
        assertTrue(refusal.getMessage().startsWith(source.toString()), refusal.getMessage());
        assertFalse(refusal.getMessage().contains("\n"), refusal.getMessage());
        for (String part : parts) {
            assertTrue(refusal.getMessage().contains(part), "'" + part + "' in: " + refusal.getMessage());
        }
    }
}
