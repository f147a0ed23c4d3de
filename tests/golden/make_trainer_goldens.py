#!/usr/bin/env python3
"""Writes trainers.json, what Hugging Face's BpeTrainer and WordPieceTrainer make of small word lists, and
unigram_likelihood.json, how likely its UnigramTrainer makes the words of tokenizers/corpus.txt.

    .venv/bin/python tests/golden/make_trainer_goldens.py

Needs tokenizers 0.23.3. Characters with a prefix or suffix get ids in an order that differs from run to run there, which
shows where pairs are equally frequent; the word lists therefore have counts without ties.
"""
import json
import math
import pathlib
import random

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
HERE = pathlib.Path(__file__).parent


def word_list(seed, n):
    r = random.Random(seed)
    parts = ["re", "un", "do", "ing", "er", "river", "lake", "s", "é", "ly", "ness", "中文", "a", "x", "🙂"]
    words = {}
    for i in range(n):
        words["".join(r.choice(parts) for _ in range(r.randint(1, 4)))] = 3 + i * i * 7 + r.randint(0, 3) * 1009
    return words


def train(words, options, word_piece=False):
    model = models.BPE() if not word_piece else models.WordPiece(unk_token="[UNK]")
    t = Tokenizer(model)
    t.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    o = dict(options)
    if "initial_alphabet" in o:
        o["initial_alphabet"] = list(o["initial_alphabet"])
    trainer = (trainers.WordPieceTrainer if word_piece else trainers.BpeTrainer)(show_progress=False, **o)
    t.train_from_iterator((" ".join([w] * c) for w, c in words.items()), trainer)
    return json.loads(t.to_str())["model"]


cases = []
for name, seed, options in [
    ("plain", 1, {"vocab_size": 60}),
    ("special", 2, {"vocab_size": 50, "special_tokens": ["<s>", "re"]}),
    ("frequent", 3, {"vocab_size": 200, "min_frequency": 3000}),
    ("limited", 4, {"vocab_size": 60, "limit_alphabet": 9}),
    ("initial", 5, {"vocab_size": 60, "initial_alphabet": "qzß"}),
    ("short", 6, {"vocab_size": 80, "max_token_length": 4}),
    ("shorter", 7, {"vocab_size": 80, "max_token_length": 3}),
]:
    words = {w: c // 40 + 1 for w, c in word_list(seed, 40).items()}
    m = train(words, options)
    tokens = sorted(m["vocab"], key=m["vocab"].get)
    cases.append({"name": name, "options": options, "words": words, "tokens": tokens, "merges": [" ".join(x) for x in m["merges"]]})
(HERE / "trainers.json").write_text("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")

text = (HERE / "tokenizers" / "corpus.txt").read_text()
t = Tokenizer(models.Unigram())
t.pre_tokenizer = pre_tokenizers.Metaspace()
t.train_from_iterator([text], trainers.UnigramTrainer(vocab_size=220, special_tokens=["<s>", "<unk>"], unk_token="<unk>", show_progress=False))
pieces = [(p, s) for p, s in json.loads(t.to_str())["model"]["vocab"] if p not in ("<s>", "<unk>")]
scores = dict(pieces)
counts = {}
for word, _ in pre_tokenizers.Metaspace().pre_tokenize_str(text):
    counts[word] = counts.get(word, 0) + 1
longest = max(map(len, scores))
total = 0.0
for word, n in counts.items():
    alpha = [0.0] + [0.0] * len(word)
    alpha[0] = 1.0
    for end in range(1, len(word) + 1):
        alpha[end] = sum(alpha[b] * math.exp(scores[word[b:end]]) for b in range(max(0, end - longest), end) if word[b:end] in scores)
    if alpha[-1] > 0:
        total += n * math.log(alpha[-1])
(HERE / "unigram_likelihood.json").write_text(json.dumps({"log_likelihood": total, "pieces": len(pieces)}) + "\n")
print(total, len(pieces))
