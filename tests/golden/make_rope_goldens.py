"""Makes rope.json: rotary frequencies of transformers' ROPE_INIT_FUNCTIONS for the configurations below.

    python tests/golden/make_rope_goldens.py

Each entry: rope_parameters (with `length`, the text's), head_dim, max_position_embeddings -> inv_freq (f32),
attention_factor.
"""
import json
import os

import reference
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

LONG = {"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 64,
        "short_factor": [1.0, 1.05, 1.1, 1.2, 1.3, 1.5, 1.7, 2.0], "long_factor": [1.0, 1.5, 2.0, 4.0, 9.0, 20.0, 40.0, 60.0]}
YARN = {"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 4096}

# name: (rope_parameters, head_dim, max_position_embeddings, length or None)
CASES = {
    "default": ({"rope_type": "default", "rope_theta": 10000.0}, 16, 64, None),
    "linear": ({"rope_type": "linear", "rope_theta": 500000.0, "factor": 3.5}, 12, 64, None),
    "dynamic-short": ({"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}, 16, 64, 50),
    "dynamic-long": ({"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}, 16, 64, 150),
    "yarn": (YARN, 128, 16384, None),
    "yarn-narrow": ({**YARN, "rope_theta": 10000.0, "original_max_position_embeddings": 64}, 8, 512, None),
    "yarn-betas": ({**YARN, "beta_fast": 8.0, "beta_slow": 0.5, "attention_factor": 1.3}, 64, 16384, None),
    "yarn-not-truncated": ({**YARN, "truncate": False}, 64, 16384, None),
    "yarn-mscale": ({**YARN, "mscale": 0.8, "mscale_all_dim": 1.2}, 64, 16384, None),
    "llama3": ({"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, 128, 131072, None),
    "longrope-short": (LONG, 16, 256, 64),
    "longrope-long": (LONG, 16, 256, 65),
    "longrope-factor": ({**LONG, "factor": 9.0}, 16, 256, 65),
}


def make(parameters, head_dim, max_positions, length):
    config = LlamaConfig(hidden_size=head_dim, num_attention_heads=1, head_dim=head_dim,
                         max_position_embeddings=max_positions, rope_parameters=dict(parameters))
    kind = parameters["rope_type"]
    if kind == "default":
        inv_freq, factor = 1.0 / (parameters["rope_theta"] ** (torch.arange(0, head_dim, 2).float() / head_dim)), 1.0
    else:
        inv_freq, factor = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=length)
    return {"rope_parameters": parameters, "head_dim": head_dim, "max_position_embeddings": max_positions,
            "length": length or 0, "inv_freq": inv_freq.tolist(), "attention_factor": factor}


if __name__ == "__main__":
    reference.assert_pinned()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rope.json")
    with open(path, "w") as f:
        json.dump({name: make(*case) for name, case in CASES.items()}, f, indent=1)
        f.write("\n")
    print(f"{path}: {os.path.getsize(path)} bytes")
