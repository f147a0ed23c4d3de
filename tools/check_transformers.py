#!/usr/bin/env python3
"""Opens what `gradus train` wrote in transformers: token ids, logits and greedy text must be equal.

    .venv/bin/python tools/check_transformers.py RUN_DIR [--gradus build/release/gradus] [--text FILE]

Prints a line a check; exit code 1 when one fails. bench/setup_rivals.sh makes the .venv.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXTS = ["The best way to", "It's a dog's life, isn't it?  We'll  see.", " leading and trailing ", "a\n\n\tb\r\n  c",
         "naïve café, Ünïcödé; 東京 12345 ½ ①", "🙂👩‍👩‍👧 \u200b\u00a0\u3000x", "e\u0301 \u0915\u094d\u0937 ١٢٣", "\x00\x07\x7f", "",
         "x = {'a': [1, 2.5]}  # comment", "%\n%\n", "<|endoftext|>", "a<|endoftext|>b <|endoftext|>", "A" * 300]
PROMPTS = ["The best way to", "Love is", "If you", "Q:\tWhat", "Computers"]


class Checks:
    def __init__(self):
        self.failed = 0

    def __call__(self, name, good, detail=""):
        self.failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {name}" + (f": {detail}" if detail else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN_DIR")
    parser.add_argument("--gradus", default=str(ROOT / "build/release/gradus"))
    parser.add_argument("--text", metavar="FILE", help="more text whose lines are tokenized")
    arguments = parser.parse_args()
    check = Checks()

    def gradus(*command, text=""):
        return subprocess.run([arguments.gradus, *command], input=text.encode(), check=True,
                              stdout=subprocess.PIPE).stdout.decode()

    tokenizer = AutoTokenizer.from_pretrained(arguments.run)
    model = AutoModelForCausalLM.from_pretrained(arguments.run, dtype=torch.float32, attn_implementation="eager").eval()
    context = model.config.max_position_embeddings
    check("vocabulary fits", len(tokenizer) <= model.config.vocab_size, f"{len(tokenizer)} of {model.config.vocab_size}")

    texts = list(TEXTS)
    if arguments.text:
        texts += pathlib.Path(arguments.text).read_text(encoding="utf-8").splitlines()
    lines = "".join(json.dumps(t) + "\n" for t in texts)
    ours = [json.loads(line) for line in gradus("tokenize", "--tokenizer", arguments.run, "--jsonl", text=lines).splitlines()]
    theirs = [tokenizer(t)["input_ids"] for t in texts]
    wrong = [i for i in range(len(texts)) if i >= len(ours) or ours[i] != theirs[i]]
    check("token ids", len(ours) == len(texts) and not wrong,
          f"{len(texts)} texts" if not wrong else f"first difference at {texts[wrong[0]]!r}")
    lines = "".join(json.dumps(t) + "\n" for t in theirs)
    back = [json.loads(line) for line in gradus("detokenize", "--tokenizer", arguments.run, "--jsonl", text=lines).splitlines()]
    wrong = [i for i in range(len(texts)) if i >= len(back) or back[i] != tokenizer.decode(theirs[i])]
    check("detokenized text", len(back) == len(texts) and not wrong,
          "" if not wrong else f"first difference at {texts[wrong[0]]!r}")

    g = torch.Generator().manual_seed(0)
    ids = torch.randint(model.config.vocab_size, (2, min(context, 96)), generator=g)
    with tempfile.TemporaryDirectory() as scratch:
        inside, outside = os.path.join(scratch, "in.safetensors"), os.path.join(scratch, "out.safetensors")
        save_file({"input_ids": ids, "labels": ids.clone()}, inside)
        gradus("run", arguments.run, "--in", inside, "--out", outside)
        got = load_file(outside)
    with torch.no_grad():
        want = model(input_ids=ids, labels=ids)
    error = ((got["logits"] - want.logits).abs().max() / want.logits.abs().max()).item()
    check("logits", error <= 5e-5, f"largest difference {error:.1e} of the largest value")
    check("loss", abs(got["loss"].item() - want.loss.item()) <= 1e-4, f"{got['loss'].item():.6f} {want.loss.item():.6f}")

    for prompt in PROMPTS:
        encoded = tokenizer(prompt, return_tensors="pt")
        n = min(40, context - encoded["input_ids"].shape[1])
        with torch.no_grad():
            out = model.generate(**encoded, do_sample=False, max_new_tokens=n)[0]
        whole = tokenizer.decode(out, skip_special_tokens=True)
        mine = gradus("generate", "--model", arguments.run, "-p", prompt, "-n", str(n), "--temp", "0")
        same = any(m in (whole, whole[len(prompt):]) for m in (mine, mine.removesuffix("\n")))
        check(f"greedy text after {prompt!r}", same, "" if same else f"\n  gradus:       {mine!r}\n  transformers: {whole!r}")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
