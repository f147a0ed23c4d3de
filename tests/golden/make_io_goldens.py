"""Writes io.safetensors with the safetensors package, for tests/io: every dtype, a scalar, an empty tensor, odd names.
The values are simple functions of the index, which the test repeats.

    pip install safetensors==0.8.0 torch numpy && python make_io_goldens.py
"""
import pathlib

import safetensors
import safetensors.torch
import torch

assert safetensors.__version__ == "0.8.0", safetensors.__version__

DTYPES = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
          "i64": torch.int64, "i32": torch.int32, "u8": torch.uint8, "bool": torch.bool}

tensors = {}
for name, dtype in DTYPES.items():
    values = torch.arange(15).reshape(3, 5)
    if dtype == torch.bool:
        values = values % 3 == 0
    elif dtype != torch.uint8:
        values = values - 7
    tensors[f"layer.0.{name}"] = values.to(dtype)
tensors["scalar"] = torch.tensor(2.5)
tensors["empty"] = torch.zeros(0, 4)
tensors['odd "name" \\ ünï\n'] = torch.tensor([1, 2], dtype=torch.int32)
tensors["layer.10.f32"] = torch.full((2, 1, 2), 0.5)

path = pathlib.Path(__file__).with_name("io.safetensors")
safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
print(path, path.stat().st_size)
