#!/usr/bin/env python3
"""Compares `gradus run --grad` with transformers on random configurations of every decoder family.

    .venv/bin/python tools/check_parity.py [--n 40] [--seed 0] [--family NAME] [--dtype f32|f64|bf16] [--keep DIR]

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
import random_decoders  # noqa: E402
import reference  # noqa: E402

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

TOLERANCE = {"f32": 5e-5, "f64": 1e-6, "bf16": 0.15}


def make_case(directory, seed, family):
    """A model directory with inputs.safetensors in it; returns (inputs, one line about the case)."""
    rng = random.Random(seed)
    kind = family or rng.choice(list(random_decoders.FAMILIES))
    config = random_decoders.FAMILIES[kind](rng)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    reference.randomise(model, seed)
    bare = kind == "gpt2" and config.tie_word_embeddings and rng.random() < 0.2
    (model.transformer if bare else model).save_pretrained(directory)
    old = kind != "gpt2" and rng.random() < 0.5
    if old:
        reference.old_spelling(directory)
    padded, positions = rng.random() < 0.5, rng.choice([None, None, "from_mask", "scattered"])
    g = torch.Generator().manual_seed(seed)
    length, batch = rng.choice([5, 17, 31]), rng.choice([1, 2, 3, 5])
    inputs = reference.make_inputs(g, config.vocab_size, batch, length, padded, positions, config.max_position_embeddings)
    save_file(inputs, os.path.join(directory, "inputs.safetensors"))
    rope = getattr(config, "rope_parameters", None) or {}
    rope = rope.get("full_attention", rope)
    about = [kind, f"{config.num_hidden_layers}x{config.hidden_size}", f"heads {config.num_attention_heads}",
             "tied" if config.tie_word_embeddings else "", "bare names" if bare else "", rope.get("rope_type", ""),
             f"window {config.sliding_window}" if getattr(config, "sliding_window", None) else "",
             "old config" if old else "", f"ids {batch}x{length}", "padded" if padded else "",
             f"positions {positions}" if positions else ""]
    return inputs, " ".join(filter(None, about))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=40, help="cases")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case; case i has seed + i")
    parser.add_argument("--family", choices=random_decoders.FAMILIES, help="default: any")
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
            inputs, about = make_case(directory, seed, arguments.family)
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
                got.pop("last_hidden_state", None)  # beside the logits where `architectures` names the body
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
