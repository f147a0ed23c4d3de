#!/usr/bin/env python3
"""Trains each kind of tokenizer with gradus, opens the file in Hugging Face tokenizers, and compares ids.

    .venv/bin/python tools/check_trainers.py build/dev/gradus TEXT_FILE [--n 2000]

Also trains the same model there: BPE over characters must have the same merges, WordPiece nearly the same tokens (ids of "##x"
differ from run to run there), Unigram at most the same likelihood. Needs tokenizers 0.23.3.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

sys.path.insert(0, str(pathlib.Path(__file__).parent))

def likelihood(pieces, counts):
    scores, total = dict(pieces), 0.0
    longest = max(map(len, scores))
    for word, n in counts.items():
        alpha = [1.0] + [0.0] * len(word)
        for end in range(1, len(word) + 1):
            alpha[end] = sum(alpha[b] * math.exp(scores[word[b:end]]) for b in range(max(0, end - longest), end) if word[b:end] in scores)
        if alpha[-1] > 0:
            total += n * math.log(alpha[-1])
    return total

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("gradus")
    p.add_argument("text")
    p.add_argument("--n", type=int, default=2000)
    a = p.parse_args()
    text = pathlib.Path(a.text).read_text(errors="replace")[:300000]
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        corpus = f"{folder}/c.txt"
        pathlib.Path(corpus).write_text(text)
        lines = [x for x in text.split("\n") if x][:a.n]
        for model, options in [("bpe", ["--unk", "<unk>"]), ("bpe", ["--unk", "<unk>", "--end-of-word-suffix", "</w>"]), ("wordpiece", ["--special-token", "[CLS]", "--special-token", "[SEP]"]), ("unigram", []), ("byte-bpe", [])]:
            out = f"{folder}/{model}"
            subprocess.run([a.gradus, "tokenizer", "train", corpus, "--model", model, "--vocab-size", "2000", "-o", out, *options], check=True, capture_output=True)
            t = Tokenizer.from_file(out + "/tokenizer.json")
            want = [e.ids for e in t.encode_batch(lines)]
            run = subprocess.run([a.gradus, "tokenize", "--jsonl", "--tokenizer", out], input="".join(json.dumps(x) + "\n" for x in lines).encode(), capture_output=True, check=True)
            got = [json.loads(x) for x in run.stdout.decode().splitlines()]
            same = sum(w == g for w, g in zip(want, got, strict=True))
            note = ""
            ours = json.loads(pathlib.Path(out + "/tokenizer.json").read_text())["model"]
            if model == "bpe" and "</w>" not in options:
                h = Tokenizer(models.BPE(unk_token="<unk>"))
                h.pre_tokenizer = pre_tokenizers.Metaspace()
                h.train_from_iterator([text], trainers.BpeTrainer(vocab_size=2000, min_frequency=2, special_tokens=["<unk>"], show_progress=False))
                theirs = json.loads(h.to_str())["model"]
                note = f", the same as Hugging Face's: {theirs['merges'] == ours['merges'] and theirs['vocab'] == ours['vocab']}"
            if model == "wordpiece":
                h = Tokenizer(models.WordPiece(unk_token="[UNK]"))
                h.normalizer, h.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
                h.train_from_iterator([text], trainers.WordPieceTrainer(vocab_size=2000, min_frequency=2, special_tokens=["[CLS]", "[SEP]", "[UNK]"], show_progress=False))
                theirs = set(h.get_vocab())
                note = f", {len(theirs & set(ours['vocab']))} of {len(theirs)} tokens also in Hugging Face's"
            if model == "unigram":
                h = Tokenizer(models.Unigram())
                h.pre_tokenizer = pre_tokenizers.Metaspace()
                h.train_from_iterator([text], trainers.UnigramTrainer(vocab_size=2000, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False))
                counts = {}
                for word, _ in pre_tokenizers.Metaspace().pre_tokenize_str(text):
                    counts[word] = counts.get(word, 0) + 1
                cut = lambda m: [(x, s) for x, s in m["vocab"] if x != "<unk>"]  # noqa: E731
                mine, other = likelihood(cut(ours), counts), likelihood(cut(json.loads(h.to_str())["model"]), counts)
                note = f", log-likelihood {mine:.0f} ({len(ours['vocab'])} pieces), Hugging Face {other:.0f} ({h.get_vocab_size()})"
                bad += mine < other - 0.001 * abs(other)
            print(f"{'OK ' if same == len(lines) else 'BAD'} {model} {' '.join(options)}: {same} of {len(lines)} lines give the same ids{note}", flush=True)
            bad += same != len(lines)
    sys.exit(bad != 0)

main()
