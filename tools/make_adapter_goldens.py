#!/usr/bin/env python3
"""Writes the adapter reference files of tests/src/test/resources/golden/adapters from transformers + peft + gguf.

    python tools/make_adapter_goldens.py [OUTPUT_DIRECTORY]

A tiny Llama with seeded random weights (on the F16 grid, so that its F32 and F16 files hold the same numbers), five
PEFT adapters with random non-zero B that differ in what adapter_config.json says, two of them also as GGUF adapters, and
for each adapter what peft computes in float32: the logits of one id list, and the update of some sites.

    base/                 Hugging Face directory, F32
    base.gguf             the same model, F16, query and key rows permuted as llama.cpp's converter does it
    <adapter>/            PEFT directory
    <adapter>.gguf        the same adapter for llama.cpp (scale stored as alpha over the tensor's own rank)
    golden.safetensors    "<adapter>/logits" [ids, vocab]; "<adapter>/<module>" [outputs, inputs]
    golden.json           the ids, and the versions that computed these files

Needs: torch transformers peft gguf tokenizers.
"""

import json
import pathlib
import shutil
import sys

import gguf
import numpy as np
import peft
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file

IDS = [1, 5, 9, 33, 63, 2, 17, 17, 17, 40, 0, 58, 21, 8, 30, 44, 12, 3, 62, 7]
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
GGUF_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}
ADAPTERS = {
    "plain": (dict(r=4, lora_alpha=6, target_modules=PROJECTIONS), torch.float32),
    "rslora": (dict(r=4, lora_alpha=3, target_modules="all-linear", use_rslora=True), torch.float32),
    "patterns": (dict(
        r=4, lora_alpha=8, target_modules=PROJECTIONS,
        rank_pattern={"q_proj": 2, r"layers\.1\.mlp\.(up|down)_proj": 6, r"^model\.layers\.0\.self_attn\.v_proj": 1, "proj_never": 3},
        alpha_pattern={"k_proj": 3, "layers.0.mlp.gate_proj": 2, "gate_proj": 12}), torch.float32),
    "query-value": (dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]), torch.float16),
    "last-layer": (dict(r=3, lora_alpha=5, target_modules=PROJECTIONS, layers_to_transform=[1], layers_pattern="layers"), torch.bfloat16),
}
CHECKED = ["model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.k_proj", "model.layers.0.self_attn.v_proj",
           "model.layers.1.mlp.down_proj", "model.layers.0.mlp.gate_proj"]


def permuted_for_gguf(rows, heads):
    """llama.cpp's order of query and key rows, from Hugging Face's; rows [heads * head_dim, any]."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def heads_of(module, config):
    return {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(module.split(".")[-1])


def write_base(out):
    config = transformers.LlamaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64, vocab_size=64,
        max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2)
    model = transformers.LlamaForCausalLM(config).eval().float()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape)
            weight.copy_((1 + 0.1 * noise if "norm" in name else noise / weight.shape[-1] ** 0.5).half().float())
    model.save_pretrained(out / "base")
    (out / "base" / "generation_config.json").unlink(missing_ok=True)

    pieces = ["<unk>", "<s>", "</s>"] + [chr(33 + i) for i in range(61)]
    tokenizers.Tokenizer(tokenizers.models.BPE(
        vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], unk_token="<unk>")).save(str(out / "base" / "tokenizer.json"))

    writer = gguf.GGUFWriter(out / "base.gguf", "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores([0.0] * len(pieces))
    writer.add_token_types([2, 3, 3] + [1] * 61)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    state = model.state_dict()
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}
    for layer in range(config.num_hidden_layers):
        for module, name in GGUF_NAMES.items():
            names[f"model.layers.{layer}.{module}"] = f"blk.{layer}.{name}"
        names[f"model.layers.{layer}.input_layernorm"] = f"blk.{layer}.attn_norm"
        names[f"model.layers.{layer}.post_attention_layernorm"] = f"blk.{layer}.ffn_norm"
    for module, name in names.items():
        weight = state[module + ".weight"].numpy()
        if heads := heads_of(module, config):
            weight = permuted_for_gguf(weight, heads)
        writer.add_tensor(name + ".weight", weight.astype(np.float32 if weight.ndim == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_adapter(out, name, options, dtype):
    base = transformers.LlamaForCausalLM.from_pretrained(out / "base", dtype=torch.float32)
    model = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", **options))
    with torch.no_grad():
        for parameter, weight in model.named_parameters():
            if "lora_" in parameter:
                weight.copy_(torch.randn(weight.shape) * (0.5 if "lora_B" in parameter else weight.shape[1] ** -0.5))
    model.save_pretrained(out / name)
    (out / name / "README.md").unlink(missing_ok=True)
    file = out / name / "adapter_model.safetensors"
    save_file({key: value.to(dtype).contiguous() for key, value in load_file(file).items()}, file, metadata={"format": "pt"})
    config_file = out / name / "adapter_config.json"
    config = json.loads(config_file.read_text()) | {"base_model_name_or_path": "base"}
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # peft writes a set, in no particular order
    config_file.write_text(json.dumps(config, indent=2) + "\n")


def references(out, name):
    base = transformers.LlamaForCausalLM.from_pretrained(out / "base", dtype=torch.float32)
    model = peft.PeftModel.from_pretrained(base, out / name).eval()
    with torch.no_grad():
        result = {name + "/logits": model(torch.tensor([IDS])).logits[0].float().contiguous()}
        for module in CHECKED:
            layer = model.get_submodule("base_model.model." + module)
            if hasattr(layer, "get_delta_weight"):
                result[f"{name}/{module}"] = layer.get_delta_weight("default").float().contiguous()
    return result


def write_gguf_adapter(out, name):
    config = transformers.LlamaConfig.from_pretrained(out / "base")
    adapter = json.loads((out / name / "adapter_config.json").read_text())
    writer = gguf.GGUFWriter(out / f"{name}.gguf", "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(adapter["lora_alpha"]))
    for key, value in load_file(out / name / "adapter_model.safetensors").items():
        _, _, _, _, layer, block, projection, factor, _ = key.split(".")
        weight = value.float().numpy()
        heads = heads_of(projection, config)
        if factor == "lora_B" and heads:
            weight = permuted_for_gguf(weight, heads)
        gguf_name = f"blk.{layer}.{GGUF_NAMES[block + '.' + projection]}.weight.{factor.lower()}"
        writer.add_tensor(gguf_name, np.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests/src/test/resources/golden/adapters"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    torch.manual_seed(20260121)
    write_base(out)
    golden = {}
    with torch.no_grad():
        base = transformers.LlamaForCausalLM.from_pretrained(out / "base", dtype=torch.float32).eval()
        golden["base/logits"] = base(torch.tensor([IDS])).logits[0].contiguous()
    for name, (options, dtype) in ADAPTERS.items():
        write_adapter(out, name, options, dtype)
        golden |= references(out, name)
    for name in ("plain", "query-value"):
        write_gguf_adapter(out, name)
    save_file(golden, out / "golden.safetensors")
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
    (out / "golden.json").write_text(json.dumps({"ids": IDS} | versions) + "\n")


if __name__ == "__main__":
    main()
