"""Writes gguf.safetensors with the gguf package, for tests/io: blocks of every packed format, what they unpack to, and
what rounding the same floats gives for the formats that the package can round.

    pip install gguf==0.19.0 numpy torch safetensors && python make_gguf_goldens.py
"""
import pathlib

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as T
from gguf import quants
from safetensors.torch import save_file

rng = np.random.default_rng(7)
out = {}
x = (rng.standard_normal((4, 512)) * np.exp(rng.standard_normal((4, 1)))).astype(np.float32)
x[0, :32] = 0
x[1, 32:64] = 0.25
x[2, :64] = np.abs(x[2, :64])
out["x"] = torch.from_numpy(x)
for name in ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "BF16", "F16"]:
    kind = T[name]
    block, size = gguf.GGML_QUANT_SIZES[kind]
    key = name.lower()
    blocks = rng.integers(0, 256, (2, 512 // block, size), dtype=np.uint8)
    # Scales are halves: keep them finite.
    halves = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
              "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "BF16": [0], "F16": [0]}[name]
    for at in halves:
        blocks[:, :, at + 1] = (blocks[:, :, at + 1] & 0x83) | 0x28
    packed = blocks.reshape(2, -1)
    out[f"{key}.blocks"] = torch.from_numpy(packed.copy())
    out[f"{key}.floats"] = torch.from_numpy(np.ascontiguousarray(quants.dequantize(packed, kind)))
    try:
        rounded = quants.quantize(x, kind)
    except NotImplementedError:
        continue
    out[f"{key}.rounded"] = torch.from_numpy(np.ascontiguousarray(rounded).view(np.uint8).copy())

path = pathlib.Path(__file__).with_name("gguf.safetensors")
save_file(out, path)
print(path, path.stat().st_size)
