"""Makes models/<name>/: tiny decoder checkpoints with the logits, loss, gradients and losses they must give.

    python tests/golden/make_model_goldens.py [NAME...]

Each directory holds
  config.json, model.safetensors   as transformers' save_pretrained writes them (f32)
  inputs.safetensors               input_ids, labels; some with attention_mask, position_ids (i64)
  expected.safetensors             logits, loss, grad.<name in model.safetensors> (computed in f64, stored as f32), and
                                   losses (f64, 11): before each of ten AdamW steps on this batch, and after the last.
                                   AdamW: lr 1e-3, betas 0.9 0.95, eps 1e-8, weight decay 0.1 (decoupled, on every
                                   parameter), gradient norm clipped to 1.0; the same settings are in its metadata.
"""
import json
import os
import shutil
import sys
import zlib

import reference
import torch
from safetensors.torch import save_file
from transformers import (AutoConfig, AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, GemmaConfig, GPT2Config,
                          LlamaConfig, MistralConfig, Phi3Config, Qwen2Config, Qwen3Config, SmolLM3Config)

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")

LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}


def gpt2(**changes):
    return GPT2Config(**{**dict(vocab_size=67, n_positions=24, n_embd=24, n_layer=2, n_head=3, bos_token_id=0,
                                eos_token_id=0), **changes})


def llama(**changes):
    return LlamaConfig(**{**dict(vocab_size=71, hidden_size=24, intermediate_size=40, num_hidden_layers=2,
                                 num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
                                 bos_token_id=0, eos_token_id=1), **changes})


def small(family, **changes):
    return family(**{**dict(vocab_size=43, hidden_size=16, intermediate_size=20, num_hidden_layers=2,
                            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, head_dim=4,
                            pad_token_id=None, bos_token_id=0, eos_token_id=1), **changes})


YARN = {"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0, "original_max_position_embeddings": 16}
SLIDING_FULL = ["sliding_attention", "full_attention"]

# name: (config, how the directory and the batch differ from the plain case)
CASES = {
    "gpt2-plain": (gpt2(), {}),
    "gpt2-padded": (gpt2(n_embd=20, n_head=2, activation_function="gelu", n_inner=56), dict(padded=True)),
    "gpt2-relu-positions": (gpt2(n_embd=20, n_head=5, activation_function="relu", layer_norm_epsilon=1e-3),
                            dict(padded=True, positions="from_mask")),
    "gpt2-silu-layer-scale": (gpt2(n_embd=16, n_head=1, n_layer=3, n_inner=33, activation_function="silu",
                                   scale_attn_by_inverse_layer_idx=True), dict(positions="scattered")),
    "gpt2-unscaled-untied": (gpt2(n_embd=16, n_head=4, scale_attn_weights=False, tie_word_embeddings=False),
                             dict(padded=True)),
    # The released GPT-2 files hold the names without "transformer.", so must whoever reads them.
    "gpt2-bare-names": (gpt2(n_embd=16, n_head=2), dict(bare=True)),
    "llama-plain": (llama(), {}),
    "llama-one-kv-head": (llama(num_key_value_heads=1, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-3),
                          dict(padded=True)),
    "llama-all-kv-heads-tied": (llama(num_key_value_heads=4, tie_word_embeddings=True, hidden_act="gelu"),
                                dict(padded=True, positions="from_mask")),
    "llama-wide-heads-old-config": (llama(hidden_size=16, intermediate_size=30, head_dim=10, num_attention_heads=2,
                                          num_key_value_heads=1, attention_bias=True), dict(padded=True, old=True)),
    # Without a cache transformers takes positions that jump for the starts of packed documents.
    "llama-linear-rope": (llama(hidden_size=16, num_attention_heads=2, rope_parameters=dict(LINEAR), use_cache=False),
                          dict(positions="scattered")),
    "llama-linear-rope-old-config": (llama(hidden_size=16, num_attention_heads=4, rope_parameters=dict(LINEAR)),
                                     dict(old=True)),
    "llama-llama3-rope": (llama(intermediate_size=36, rope_parameters=dict(LLAMA3)),
                          dict(positions="scattered", tokens=40)),
    "llama-llama3-rope-old-config": (llama(hidden_size=16, num_attention_heads=2, num_hidden_layers=3,
                                           rope_parameters=dict(LLAMA3), tie_word_embeddings=True),
                                     dict(old=True, padded=True, tokens=40)),
    "llama-yarn-pad-token": (llama(hidden_size=16, num_attention_heads=2, rope_parameters=dict(YARN), pad_token_id=3),
                             dict(tokens=40)),
    "llama-dynamic-rope": (llama(hidden_size=16, num_attention_heads=2, max_position_embeddings=32, rope_parameters={
        "rope_type": "dynamic", "rope_theta": 100.0, "factor": 3.0}), dict(tokens=40)),
    "mistral-window": (small(MistralConfig, sliding_window=5), dict(padded=True)),
    "mistral-no-window-old-config": (small(MistralConfig, sliding_window=None), dict(old=True)),
    "qwen2-window-tied": (small(Qwen2Config, use_sliding_window=True, sliding_window=4, max_window_layers=1,
                                tie_word_embeddings=True), dict(padded=True, positions="from_mask")),
    "qwen3": (small(Qwen3Config, head_dim=6, attention_bias=True), dict(padded=True)),
    "smollm3-nope": (small(SmolLM3Config, no_rope_layer_interval=2, use_sliding_window=True, sliding_window=6),
                     dict(padded=True)),
    "gemma": (small(GemmaConfig, hidden_act="gelu", pad_token_id=0, head_dim=6), dict(padded=True)),
    "gemma2": (small(Gemma2Config, pad_token_id=0, query_pre_attn_scalar=9, sliding_window=5,
                     attn_logit_softcapping=1.5, final_logit_softcapping=2.0), dict(padded=True)),
    "gemma3-untied-old-config": (small(Gemma3TextConfig, pad_token_id=0, query_pre_attn_scalar=9, sliding_window=5,
                                       tie_word_embeddings=False, final_logit_softcapping=3.0,
                                       layer_types=SLIDING_FULL, rope_parameters={
                                           "full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4},
                                           "sliding_attention": {"rope_type": "default", "rope_theta": 50.0}}),
                                 dict(old=True)),
    "phi3-longrope": (small(Phi3Config, head_dim=8, hidden_size=32, pad_token_id=5, sliding_window=9,
                            original_max_position_embeddings=16, rope_parameters={
                                "rope_type": "longrope", "rope_theta": 1e4, "partial_rotary_factor": 0.5,
                                "short_factor": [1.0, 1.1], "long_factor": [2.0, 5.0]}), dict(tokens=24)),
}


def make(name, config, padded=False, positions=None, old=False, bare=False, tokens=20):
    directory = os.path.join(HERE, name)
    shutil.rmtree(directory, ignore_errors=True)
    seed = zlib.crc32(name.encode())
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    reference.randomise(model, seed)
    (model.transformer if bare else model).save_pretrained(directory)
    generation = os.path.join(directory, "generation_config.json")
    if os.path.exists(generation):
        os.remove(generation)
    if old:
        new = AutoConfig.from_pretrained(directory).rope_parameters
        reference.old_spelling(directory)
        read_back = dict(AutoConfig.from_pretrained(directory).rope_parameters)
        read_back.pop("type", None)
        assert read_back == new, (read_back, new)

    g = torch.Generator().manual_seed(seed + 1)
    inputs = reference.make_inputs(g, config.vocab_size, 3, tokens, padded, positions, config.max_position_embeddings)
    save_file(inputs, os.path.join(directory, "inputs.safetensors"))
    expected = reference.evaluate(directory, inputs)
    losses = reference.train(directory, inputs)

    # transformers in plain f32 must agree, or something above is not what a user of transformers gets.
    mask = inputs.get("attention_mask")
    in_f32 = reference.worst(reference.evaluate(directory, inputs, torch.float32), expected, mask)
    loss_gap = (reference.train(directory, inputs, dtype=torch.float32) - losses).abs().max().item()
    key, error = max(in_f32.items(), key=lambda kv: kv[1])
    assert error < 2e-5 and loss_gap < 2e-5, (name, key, error, loss_gap)

    settings = json.dumps({"lr": 1e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1, "max_grad_norm": 1.0,
                           "made_with": reference.PINNED})
    save_file({**expected, "losses": losses}, os.path.join(directory, "expected.safetensors"), metadata={"made": settings})
    size = sum(os.path.getsize(os.path.join(directory, f)) for f in os.listdir(directory))
    print(f"{name:32} {size / 1024:7.0f} KiB  loss {losses[0]:.4f} -> {losses[-1]:.4f}  "
          f"f32 against f64: {error:.1e} ({key}), losses {loss_gap:.1e}")
    return size


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or list(CASES)
    total = sum(make(name, CASES[name][0], **CASES[name][1]) for name in wanted)
    print(f"{total / 1024:.0f} KiB in all")
