"""One full training step, gradus beside PyTorch: alternating processes on one machine, medians over the rounds.

    python bench/train_step.py [s] [m] [--rounds 3] [--gradus build/release/gradus]

s: GPT-2 of 6 layers, 384 wide, 6 heads, vocabulary 8192, context 256, batch 16.
m: 12 layers, 768 wide, 12 heads, vocabulary 50257, context 1024, batch 2.
Forward, backward, gradient norm clipped to 1.0, AdamW; f32, dropout 0. PyTorch's AdamW runs fused and not, and the
faster one counts. Prints a Markdown table; ratios are gradus over PyTorch (tokens/s: higher is better, MB: lower).
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

RIVAL = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_gpt2.py")]


def contestants(size, gradus):
    runs = {"gradus": [[gradus, "bench", "train", size, "--json"]],
            "PyTorch eager": [[*RIVAL, size], [*RIVAL, size, "--fused"]]}
    if size == "s":
        runs["torch.compile"] = [[*RIVAL, size, "--compile"], [*RIVAL, size, "--compile", "--fused"]]
    return runs


def run(command):
    print("  " + " ".join(command), file=sys.stderr, end="", flush=True)
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout
    result = json.loads(out)
    print(f"  {result['tokens_per_s']:.0f} tokens/s, {result['peak_mb']:.0f} MB", file=sys.stderr)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", choices=["s", "m", []], default=["s", "m"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gradus", default="build/release/gradus")
    arguments = parser.parse_args()

    print("| step | program | tokens/s | s/step | peak MB | tokens/s of gradus over it | MB of gradus over it |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for size in arguments.sizes:
        runs = contestants(size, arguments.gradus)
        measured = {name: [[] for _ in commands] for name, commands in runs.items()}
        for _ in range(arguments.rounds):
            for name, commands in runs.items():
                for variant, command in enumerate(commands):
                    measured[name][variant].append(run(command))

        def medians(results):
            return {k: statistics.median(r[k] for r in results) for k in ("tokens_per_s", "step_s", "peak_mb")}

        best = {name: max(map(medians, variants), key=lambda m: m["tokens_per_s"])
                for name, variants in measured.items()}
        ours = best["gradus"]
        for name, m in best.items():
            ratios = " | |" if name == "gradus" else (f" {ours['tokens_per_s'] / m['tokens_per_s']:.2f} "
                                                      f"| {ours['peak_mb'] / m['peak_mb']:.2f} |")
            print(f"| {size} | {name} | {m['tokens_per_s']:.0f} | {m['step_s']:.3f} | {m['peak_mb']:.0f} |{ratios}")


if __name__ == "__main__":
    main()
