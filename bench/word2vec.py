#!/usr/bin/env python3
"""Word2Vec beside gensim: words a second with vocabulary and files, and the AUC of WordNet's synonyms, in one run.

    .venv/bin/python bench/word2vec.py build/release/gradus WORDNET_FOLDER [--threads 2] [--modes sg cbow sg-hs]

The corpus is the glosses of data.{noun,verb,adj,adv}, the pairs are words of one synset against random words of the same
list. Both sides are timed by processor time as well as by the clock. Needs gensim 4.4.
"""
import argparse
import json
import os
import pathlib
import random
import re
import resource
import subprocess
import tempfile
import time

WORD = re.compile(r"[a-z0-9']+")


def corpus(folder):
    sentences, synsets = [], []
    for pos in ["noun", "verb", "adj", "adv"]:
        for line in open(pathlib.Path(folder) / f"data.{pos}", encoding="latin-1"):
            if line.startswith("  "):
                continue
            head, gloss = line.split("|", 1)
            sentences.append(WORD.findall(gloss.lower()))
            fields = head.split()
            n = int(fields[3], 16)
            words = [re.sub(r"\(.*\)", "", w).lower() for w in fields[4:4 + 2 * n:2]]
            synsets.append([w for w in words if WORD.fullmatch(w)])
    return sentences, synsets


def pairs(synsets, counts):
    r = random.Random(0)
    positive = [(s[0], w) for s in synsets for w in s[1:] if s[0] != w and counts.get(s[0], 0) >= 5 and counts.get(w, 0) >= 5]
    r.shuffle(positive)
    positive = positive[:6581]
    words = [w for p in positive for w in p]
    negative = [(r.choice(words), r.choice(words)) for _ in positive]
    return [(a, b, 1) for a, b in positive] + [(a, b, 0) for a, b in negative if a != b]


def gensim_run(text, out, mode, threads):
    code = f"""
import time, resource
from gensim.models import Word2Vec
t = time.time()
m = Word2Vec(corpus_file={text!r}, vector_size=100, window=5, min_count=5, sample=1e-3, epochs=5, workers={threads}, seed=1,
             sg={int(mode.startswith('sg'))}, hs={int(mode.endswith('hs'))}, negative={0 if mode.endswith('hs') else 5})
m.wv.save_word2vec_format({out!r}, binary=True)
r = resource.getrusage(resource.RUSAGE_SELF)
print(time.time() - t, r.ru_utime + r.ru_stime)
"""
    import sys
    clock, cpu = map(float, subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                                           env=dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")).stdout.split())
    return clock, cpu


def gradus_run(gradus, text, out, mode, threads):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    t = time.time()
    command = [gradus, "word2vec", "train", "--input", text, "--output", out, "--size", "100", "--window", "5", "--min-count", "5",
               "--sample", "1e-3", "--epochs", "5", "--threads", str(threads), "--seed", "1", "--sg" if mode.startswith("sg") else "--cbow"]
    command += ["--hs"] if mode.endswith("hs") else ["--negative", "5"]
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.time() - t, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def auc(gradus, vectors, file):
    return json.loads(subprocess.run([gradus, "word2vec", "eval", "--vectors", vectors, "--pairs", file, "--json"], check=True,
                                     capture_output=True).stdout)["auc"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("gradus")
    p.add_argument("wordnet", nargs="?", default="/usr/share/wordnet")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--modes", nargs="+", default=["sg", "cbow"])
    a = p.parse_args()
    sentences, synsets = corpus(a.wordnet)
    counts = {}
    for s in sentences:
        for w in s:
            counts[w] = counts.get(w, 0) + 1
    words = sum(counts.values())
    with tempfile.TemporaryDirectory() as folder:
        text, file = f"{folder}/glosses.txt", f"{folder}/pairs.tsv"
        pathlib.Path(text).write_text("".join(" ".join(s) + "\n" for s in sentences))
        pathlib.Path(file).write_text("".join(f"{x}\t{y}\t{n}\n" for x, y, n in pairs(synsets, counts)))
        print(f"{words} words, {len(sentences)} sentences, {a.threads} threads")
        for mode in a.modes:
            theirs, ours = f"{folder}/g.bin", f"{folder}/w.bin"
            g, w = gensim_run(text, theirs, mode, a.threads), gradus_run(a.gradus, text, ours, mode, a.threads)
            for name, (clock, cpu), out in [("gensim", g, theirs), ("gradus", w, ours)]:
                print(f"{mode:6} {name:7} {clock:6.1f} s, {cpu:6.1f} s of CPU, {5 * words / clock / 1e3:7.0f}k words/s, AUC {auc(a.gradus, out, file):.4f}")
            print(f"{mode:6} ratio   {g[0] / w[0]:.2f} by the clock, {g[1] / w[1]:.2f} by CPU time", flush=True)


main()
