#!/usr/bin/env python3
"""Tokenizer speed beside Hugging Face tokenizers and tiktoken: one vocabulary, one thread, one machine, one run.

    python bench/tokenizer_speed.py GRADUS [NAME=FILE ...] [--vocab-size N]

GRADUS is the release program. FILES are texts (english=fortunes.txt code=code.py …); a tokenizer is trained on all of
them, then each is encoded in documents of 50 lines. Rounds of the three alternate; figures are medians in MB/s of
processor time. Needs: tokenizers==0.23.3, tiktoken==0.14.0 (bench/setup_rivals.sh makes such an environment).
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
import tiktoken  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402

GPT2_PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""


def byte_of_char():
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(b): b for b in own}
    for n, b in enumerate(b for b in range(256) if b not in own):
        table[chr(256 + n)] = b
    return table


def as_tiktoken(path):
    table = byte_of_char()
    vocab = json.load(open(path))["model"]["vocab"]
    ranks = {bytes(table[c] for c in token): rank for token, rank in vocab.items()}
    return tiktoken.Encoding("trained", pat_str=GPT2_PATTERN, mergeable_ranks=ranks, special_tokens={})


def main():
    args = argparse.ArgumentParser()
    args.add_argument("gradus")
    args.add_argument("texts", nargs="+")
    args.add_argument("--vocab-size", type=int, default=49152)
    args.add_argument("--rounds", type=int, default=5)
    args = args.parse_args()
    texts = dict(item.split("=", 1) for item in args.texts)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run([args.gradus, "tokenizer", "train", *texts.values(), "-o", folder,
                        "--vocab-size", str(args.vocab_size)], check=True)
        ours = time.perf_counter() - began
        contents = {name: open(path, newline="", encoding="utf-8").read() for name, path in texts.items()}
        rival = Tokenizer(models.BPE())
        rival.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        began = time.perf_counter()
        rival.train_from_iterator(contents.values(), trainers.BpeTrainer(
            vocab_size=args.vocab_size, min_frequency=2, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False))
        theirs = time.perf_counter() - began
        print(f"train {args.vocab_size}: gradus {ours:.2f} s, HF tokenizers {theirs:.2f} s, ratio {theirs / ours:.1f}")

        hf = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        tk = as_tiktoken(os.path.join(folder, "tokenizer.json"))
        for name, text in contents.items():
            lines = text.split("\n")
            documents = ["\n".join(lines[i:i + 50]) + "\n" for i in range(0, len(lines), 50)]
            size = sum(len(d.encode()) for d in documents) / 1e6
            speeds = {"gradus": [], "hf": [], "tiktoken": []}
            for _ in range(args.rounds):
                for rival_name, encode in (("hf", hf.encode), ("tiktoken", tk.encode_ordinary)):
                    began = time.process_time()
                    for document in documents:
                        encode(document)
                    speeds[rival_name].append(size / (time.process_time() - began))
                out = subprocess.run([args.gradus, "bench", "tokenize", "--tokenizer", folder, "--json", texts[name]],
                                     check=True, stdout=subprocess.PIPE).stdout
                speeds["gradus"].append(json.loads(out)["mb_s"])
            g, h, t = (statistics.median(speeds[k]) for k in ("gradus", "hf", "tiktoken"))
            print(f"{name:10s} gradus {g:6.1f} MB/s, HF tokenizers {h:5.2f} (x{g / h:.1f}), tiktoken {t:5.2f} (x{g / t:.1f})")


main()
