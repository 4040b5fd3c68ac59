package io.chunkwise.model.llama;

import io.chunkwise.model.forward.WeightRole;

/** The name of every tensor, in Hugging Face files and in GGUF files. */
public final class LlamaTensorNames {
    /** GGUF's divisors of the rotary frequencies, [headDim / 2]; {@link RopeScaling.Divisors}. */
    public static final String GGUF_ROPE_DIVISORS = "rope_freqs.weight";

    private LlamaTensorNames() {
    }

    /** Such as {@code model.layers.3.self_attn.q_proj.weight}; the layer is ignored for roles that are not per layer. */
    public static String huggingFace(WeightRole role, int layer) {
        return huggingFaceModule(role, layer) + (isBias(role) ? ".bias" : ".weight");
    }

    /** Such as {@code model.layers.3.self_attn.q_proj}: the module, which adapters name. */
    public static String huggingFaceModule(WeightRole role, int layer) {
        return switch (role) {
            case EMBEDDING -> "model.embed_tokens";
            case FINAL_NORM -> "model.norm";
            case OUTPUT -> "lm_head";
            case ATTENTION_NORM -> inLayer(layer, "input_layernorm");
            case QUERY, QUERY_BIAS -> inLayer(layer, "self_attn.q_proj");
            case KEY, KEY_BIAS -> inLayer(layer, "self_attn.k_proj");
            case VALUE, VALUE_BIAS -> inLayer(layer, "self_attn.v_proj");
            case ATTENTION_OUTPUT -> inLayer(layer, "self_attn.o_proj");
            case FFN_NORM -> inLayer(layer, "post_attention_layernorm");
            case GATE -> inLayer(layer, "mlp.gate_proj");
            case UP -> inLayer(layer, "mlp.up_proj");
            case DOWN -> inLayer(layer, "mlp.down_proj");
        };
    }

    /** Such as {@code blk.3.attn_q.weight}; the layer is ignored for roles that are not per layer. */
    public static String gguf(WeightRole role, int layer) {
        return switch (role) {
            case EMBEDDING -> "token_embd";
            case FINAL_NORM -> "output_norm";
            case OUTPUT -> "output";
            case ATTENTION_NORM -> "blk." + layer + ".attn_norm";
            case QUERY, QUERY_BIAS -> "blk." + layer + ".attn_q";
            case KEY, KEY_BIAS -> "blk." + layer + ".attn_k";
            case VALUE, VALUE_BIAS -> "blk." + layer + ".attn_v";
            case ATTENTION_OUTPUT -> "blk." + layer + ".attn_output";
            case FFN_NORM -> "blk." + layer + ".ffn_norm";
            case GATE -> "blk." + layer + ".ffn_gate";
            case UP -> "blk." + layer + ".ffn_up";
            case DOWN -> "blk." + layer + ".ffn_down";
        } + (isBias(role) ? ".bias" : ".weight");
    }

    private static String inLayer(int layer, String module) {
        return "model.layers." + layer + "." + module;
    }

    private static boolean isBias(WeightRole role) {
        return switch (role) {
            case QUERY_BIAS, KEY_BIAS, VALUE_BIAS -> true;
            case EMBEDDING, ATTENTION_NORM, QUERY, KEY, VALUE, ATTENTION_OUTPUT, FFN_NORM, GATE, UP, DOWN, FINAL_NORM, OUTPUT -> false;
        };
    }
}
