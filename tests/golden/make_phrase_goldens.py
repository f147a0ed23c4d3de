#!/usr/bin/env python3
"""Writes phrases.json: sentences, and how gensim's Phrases joins their words.

    .venv/bin/python tests/golden/make_phrase_goldens.py

Needs gensim 4.4.0.
"""
import json
import pathlib
import random

import gensim
from gensim.models.phrases import Phrases

assert gensim.__version__ == "4.4.0", gensim.__version__
r = random.Random(1)
words = "the a of new york san francisco ice cream river lake city is was big old machine learning".split()
pairs = [("new", "york"), ("san", "francisco"), ("ice", "cream"), ("machine", "learning")]
sentences = []
for _ in range(120):
    s = []
    while len(s) < r.randint(3, 9):
        s += list(r.choice(pairs)) if r.random() < .3 else [r.choice(words)]
    sentences.append(s)
cases = []
for min_count, threshold in [(1, 1.0), (2, 2.0), (5, 1.0), (5, 10.0), (1, 0.1)]:
    phrases = Phrases(sentences, min_count=min_count, threshold=threshold, delimiter="_")
    cases.append({"min_count": min_count, "threshold": threshold, "joined": "".join(" ".join(phrases[s]) + "\n" for s in sentences)})
out = {"text": "".join(" ".join(s) + "\n" for s in sentences), "cases": cases}
(pathlib.Path(__file__).parent / "phrases.json").write_text(json.dumps(out, indent=0) + "\n")
