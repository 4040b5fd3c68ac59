package io.chunkwise.model.adapter;

import io.chunkwise.model.forward.WeightRole;
import java.util.Arrays;
import java.util.Optional;

/** What adapter files call the projections of a layer. */
enum ProjectionName {
    QUERY(WeightRole.QUERY, "self_attn.q_proj", "attn_q"),
    KEY(WeightRole.KEY, "self_attn.k_proj", "attn_k"),
    VALUE(WeightRole.VALUE, "self_attn.v_proj", "attn_v"),
    ATTENTION_OUTPUT(WeightRole.ATTENTION_OUTPUT, "self_attn.o_proj", "attn_output"),
    GATE(WeightRole.GATE, "mlp.gate_proj", "ffn_gate"),
    UP(WeightRole.UP, "mlp.up_proj", "ffn_up"),
    DOWN(WeightRole.DOWN, "mlp.down_proj", "ffn_down");

    private final WeightRole role;
    private final String huggingFace;
    private final String gguf;

    ProjectionName(WeightRole role, String huggingFace, String gguf) {
        this.role = role;
        this.huggingFace = huggingFace;
        this.gguf = gguf;
    }

    /** The module of a site in a Hugging Face model: "model.layers.3.self_attn.q_proj". */
    static String module(AdapterSite site) {
        ProjectionName name = Arrays.stream(values()).filter(candidate -> candidate.role == site.role()).findFirst().orElseThrow();
        return "model.layers." + site.layer() + "." + name.huggingFace;
    }

    static Optional<WeightRole> ofHuggingFace(String name) {
        return Arrays.stream(values()).filter(candidate -> candidate.huggingFace.equals(name)).map(found -> found.role).findFirst();
    }

    static Optional<WeightRole> ofGguf(String name) {
        return Arrays.stream(values()).filter(candidate -> candidate.gguf.equals(name)).map(found -> found.role).findFirst();
    }
}
