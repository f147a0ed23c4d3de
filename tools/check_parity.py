#!/usr/bin/env python3
"""Compares `gradus run --grad` with transformers on random GPT-2 and Llama configurations.

    .venv/bin/python tools/check_parity.py [--n 40] [--seed 0] [--dtype f32|f64|bf16] [--keep DIR]

Each case is a fresh tiny model with random weights and a random batch. Logits (where attention_mask is 1), loss and
every gradient are held against transformers computing in f64; the error of a tensor is its largest difference over its
largest value (for a gradient: over at least 1 % of the model's largest gradient). Prints a line a case with its worst
tensor, beside what PyTorch's own f32 loses there. Exit code 1 when any is over the tolerance (and over four times
PyTorch's own loss: some random models are that badly conditioned) or any name is missing.
bench/setup_rivals.sh makes the .venv.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/golden"))
import reference  # noqa: E402

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM  # noqa: E402

TOLERANCE = {"f32": 5e-5, "f64": 1e-6, "bf16": 0.15}


def random_gpt2(rng):
    heads = rng.choice([1, 2, 3, 4, 6])
    return GPT2Config(
        vocab_size=rng.randint(11, 150), n_positions=rng.choice([32, 48, 80]), n_embd=heads * rng.choice([4, 7, 8, 16]),
        n_layer=rng.randint(1, 4), n_head=heads, n_inner=rng.choice([None, 31, 64]),
        activation_function=rng.choice(["gelu_new", "gelu", "relu", "silu"]),
        layer_norm_epsilon=rng.choice([1e-5, 1e-6, 1e-3]), scale_attn_weights=rng.random() < 0.8,
        scale_attn_by_inverse_layer_idx=rng.random() < 0.3, tie_word_embeddings=rng.random() < 0.7,
        bos_token_id=0, eos_token_id=0)


def random_llama(rng):
    kv = rng.choice([1, 2, 3, 4])
    heads = kv * rng.choice([1, 2, 3])
    width = rng.choice([4, 6, 8, 16])
    theta = rng.choice([100.0, 10000.0, 500000.0])
    rope = rng.choice([
        {"rope_type": "default", "rope_theta": theta},
        {"rope_type": "linear", "rope_theta": theta, "factor": rng.choice([2.0, 3.5])},
        {"rope_type": "llama3", "rope_theta": theta, "factor": rng.choice([4.0, 32.0]), "low_freq_factor": 1.0,
         "high_freq_factor": 4.0, "original_max_position_embeddings": rng.choice([16, 32])}])
    return LlamaConfig(
        vocab_size=rng.randint(11, 150), hidden_size=heads * rng.choice([4, 8, 10]),
        intermediate_size=rng.choice([24, 37, 64]), num_hidden_layers=rng.randint(1, 4), num_attention_heads=heads,
        num_key_value_heads=kv, head_dim=width, hidden_act=rng.choice(["silu", "silu", "gelu", "relu"]),
        max_position_embeddings=rng.choice([64, 128]), rms_norm_eps=rng.choice([1e-6, 1e-5, 1e-3]),
        attention_bias=rng.random() < 0.4, mlp_bias=rng.random() < 0.4, tie_word_embeddings=rng.random() < 0.5,
        rope_parameters=rope, bos_token_id=0, eos_token_id=1)


def make_case(directory, seed):
    """A model directory with inputs.safetensors in it; returns (inputs, one line about the case)."""
    rng = random.Random(seed)
    kind = rng.choice(["gpt2", "llama"])
    config = (random_gpt2 if kind == "gpt2" else random_llama)(rng)
    torch.manual_seed(seed)
    model = (GPT2LMHeadModel if kind == "gpt2" else LlamaForCausalLM)(config)
    reference.randomise(model, seed)
    bare = kind == "gpt2" and config.tie_word_embeddings and rng.random() < 0.2
    (model.transformer if bare else model).save_pretrained(directory)
    old = kind == "llama" and rng.random() < 0.5
    if old:
        reference.old_spelling(directory)
    padded, positions = rng.random() < 0.5, rng.choice([None, None, "from_mask", "scattered"])
    g = torch.Generator().manual_seed(seed)
    length, batch = rng.choice([5, 17, 31]), rng.choice([1, 2, 3, 5])
    inputs = reference.make_inputs(g, config.vocab_size, batch, length, padded, positions, config.max_position_embeddings)
    save_file(inputs, os.path.join(directory, "inputs.safetensors"))
    kv = f"/{config.num_key_value_heads}" if kind == "llama" else ""
    about = [kind, f"{config.num_hidden_layers}x{config.hidden_size}", f"heads {config.num_attention_heads}{kv}",
             config.activation_function if kind == "gpt2" else config.hidden_act,
             "tied" if config.tie_word_embeddings else "", "bare names" if bare else "",
             config.rope_parameters["rope_type"] if kind == "llama" else "", "old config" if old else "",
             f"ids {batch}x{length}", "padded" if padded else "", f"positions {positions}" if positions else ""]
    return inputs, " ".join(filter(None, about))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=40, help="cases")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case; case i has seed + i")
    parser.add_argument("--dtype", choices=TOLERANCE, default="f32")
    parser.add_argument("--tolerance", type=float, help=f"default by dtype: {TOLERANCE}")
    parser.add_argument("--gradus", default=str(ROOT / "build/release/gradus"))
    parser.add_argument("--keep", metavar="DIR", help="leave the cases in DIR")
    arguments = parser.parse_args()
    tolerance = arguments.tolerance or TOLERANCE[arguments.dtype]
    torch.set_num_threads(1)

    failed = 0
    print(f"{'seed':>5} {'gradus':>9} {'torch f32':>9}  worst tensor of gradus / case")
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(arguments.seed, arguments.seed + arguments.n):
            directory = os.path.join(arguments.keep or scratch, f"case-{seed}")
            inputs, about = make_case(directory, seed)
            expected = reference.evaluate(directory, inputs)
            mask = inputs.get("attention_mask")
            rival = max(reference.worst(reference.evaluate(directory, inputs, torch.float32), expected, mask).values())
            out = os.path.join(directory, "out.safetensors")
            command = [arguments.gradus, "run", directory, "--in", os.path.join(directory, "inputs.safetensors"),
                       "--out", out, "--grad", "--dtype", arguments.dtype]
            run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            problem = f"exit code {run.returncode}: {run.stderr.strip()}" if run.returncode else ""
            error, key = float("inf"), ""
            if not problem:
                got = load_file(out)
                missing, extra = expected.keys() - got.keys(), got.keys() - expected.keys()
                shapes = [k for k in expected.keys() & got.keys() if expected[k].shape != got[k].shape]
                if missing or extra or shapes:
                    problem = f"missing {sorted(missing)}, unexpected {sorted(extra)}, wrong shape {sorted(shapes)}"
                else:
                    key, error = max(reference.worst(got, expected, mask).items(), key=lambda kv: kv[1])
            bad = bool(problem) or not error <= max(tolerance, 4 * rival)
            failed += bad
            print(f"{seed:>5} {error:>9.1e} {rival:>9.1e}  {'FAIL ' if bad else ''}{key} / {about}")
            if problem:
                print(f"      {problem}")
    print(f"{arguments.n - failed} of {arguments.n} within {tolerance:g}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
