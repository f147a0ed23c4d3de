#!/usr/bin/env python3
"""Converts vocabularies of other forms with `gradus tokenizer convert` and compares ids with the programs they come from.

    .venv/bin/python tools/check_foreign_vocabularies.py build/dev/gradus TEXT_FILE [--n 2000] [--model FILE.model ...]

SentencePiece: models of all four types are trained on the text with and without its rules of normalisation, and those that the
package mistral-common carries are taken too, as are its tekken.json. tiktoken: ranks trained on the text, with its patterns. RWKV: a vocabulary cut from
the text, against the longest match in Python. Needs sentencepiece, tiktoken, tokenizers; mistral-common where it is there.
"""
import argparse
import base64
import json
import pathlib
import random
import subprocess
import sys
import tempfile

NASTY = ["", " ", "  ", "   x", "x   ", "a  b", "\n", "\r\n", "\t", "é", "e\u0301", "ﬁ", "①", "Ａ", "你好", "世界", "🙂", "👨‍👩‍👧", "مرحبا", "\u200b", "\u00a0", "\u3000", "\x00", "\x01", "▁", "▁▁a",
         "don't", "1234567", "'ll", "aaaaaaa", "...", "!?", "\ufeff", "\u2028", "x\u00ad"]


def strings(text, n, seed, clean=False):
    r = random.Random(seed)
    out = []
    for _ in range(n):
        s = ""
        for _ in range(r.randint(0, 4)):
            k = r.random()
            if k < .5:
                i = r.randrange(len(text))
                s += text[i:i + r.randint(1, 60)]
            elif k < .8:
                s += r.choice(NASTY)
            else:
                s += "".join(r.choice(text) for _ in range(r.randint(1, 8)))
        out.append(s.replace("\x00", "") if clean else s)
    return out


def gradus_ids(gradus, folder, texts):
    lines = "".join(json.dumps(t) + "\n" for t in texts).encode()
    run = subprocess.run([gradus, "tokenize", "--jsonl", "--special-as-text", "--tokenizer", folder], input=lines, capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    return [json.loads(line) for line in run.stdout.decode().splitlines()]


def report(name, texts, want, got):
    wrong = [(t, w, g) for t, w, g in zip(texts, want, got, strict=True) if w != g]
    print(f"{'OK ' if not wrong else 'BAD'} {name}: {len(texts) - len(wrong)} of {len(texts)} equal", flush=True)
    for t, w, g in wrong[:3]:
        print("   ", repr(t), "\n     want", w[:40], "\n     got ", g[:40])
    return len(wrong)


def convert(gradus, source, folder, *options):
    run = subprocess.run([gradus, "tokenizer", "convert", source, folder, *options], capture_output=True, text=True)
    if run.returncode:
        print("BAD", source, run.stderr.strip())
        return False
    return True


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("gradus")
    p.add_argument("text")
    p.add_argument("--n", type=int, default=2000)
    p.add_argument("--model", nargs="*", default=[])
    p.add_argument("--only", default="")
    a = p.parse_args()
    text = pathlib.Path(a.text).read_text(errors="replace")[:400000]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        models = [(m, m) for m in a.model]
        if a.only in ("", "sentencepiece"):
            import sentencepiece as spm
            corpus = f"{folder}/corpus.txt"
            pathlib.Path(corpus).write_text(text)
            for kind in ["unigram", "bpe", "char", "word"]:
                for rule, extra in [("nmt_nfkc", {}), ("identity", {"remove_extra_whitespaces": False}), ("nfkc_cf", {"add_dummy_prefix": False})]:
                    options = dict(extra)
                    if kind in ("unigram", "bpe") and rule == "identity":
                        options["byte_fallback"] = True
                    spm.SentencePieceTrainer.train(input=corpus, model_prefix=f"{folder}/{kind}-{rule}", model_type=kind, vocab_size=4000 if kind != "char" else 2000, character_coverage=0.99,
                                                   hard_vocab_limit=False, normalization_rule_name=rule, minloglevel=2, num_threads=1, **options)
                    models.append((f"{kind}-{rule}", f"{folder}/{kind}-{rule}.model"))
            try:
                import mistral_common
                data = pathlib.Path(mistral_common.__file__).parent / "data"
                models += [(f.name, str(f)) for f in sorted(data.glob("*.model*"))]
            except ImportError:
                pass
            texts = strings(text, a.n, 1, clean=True)
            for name, file in models:
                link = f"{folder}/m.model"
                pathlib.Path(link).unlink(missing_ok=True)
                pathlib.Path(link).symlink_to(file)
                if not convert(a.gradus, link, f"{folder}/out"):
                    wrong += 1
                    continue
                sp = spm.SentencePieceProcessor(model_file=file)
                want, got = sp.encode(texts), gradus_ids(a.gradus, f"{folder}/out", texts)
                if name.startswith("word-"):  # neighbouring unknown words are one in SentencePiece
                    got = [[x for i, x in enumerate(ids) if x or i == 0 or ids[i - 1]] for ids in got]
                wrong += report("sentencepiece " + name, texts, want, got)
        if a.only in ("", "tiktoken"):
            import tiktoken
            from tokenizers import Tokenizer, models as hf, pre_tokenizers, trainers
            alphabet = {c: b for b, c in enumerate(bytes_to_chars())}
            t = Tokenizer(hf.BPE())
            t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            t.train_from_iterator([text], trainers.BpeTrainer(vocab_size=3000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
            vocab = t.get_vocab()
            ranks = {bytes(alphabet[c] for c in k): v for k, v in vocab.items()}
            file = f"{folder}/ranks.tiktoken"
            pathlib.Path(file).write_text("".join(f"{base64.b64encode(k).decode()} {v}\n" for k, v in sorted(ranks.items(), key=lambda x: x[1])))
            patterns = {"gpt2": r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s""",
                        "cl100k": r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s""",
                        "o200k": "|".join([r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""", r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""", r"""\p{N}{1,3}""", r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""", r"""\s*[\r\n]+""", r"""\s+(?!\S)""", r"""\s+"""])}
            texts = strings(text, a.n, 2)
            for name, pattern in patterns.items():
                e = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": len(ranks)})
                if convert(a.gradus, file, f"{folder}/t", "--pattern", name, "--special-token", "<|endoftext|>"):
                    wrong += report("tiktoken " + name, texts, [e.encode_ordinary(x) for x in texts], gradus_ids(a.gradus, f"{folder}/t", texts))
                else:
                    wrong += 1
        if a.only in ("", "tekken"):
            try:
                import mistral_common
                from mistral_common.tokens.tokenizers.tekken import Tekkenizer
                for f in sorted((pathlib.Path(mistral_common.__file__).parent / "data").glob("tekken*.json")):
                    theirs, texts = Tekkenizer.from_file(f), strings(text, a.n, 5)
                    if convert(a.gradus, str(f), f"{folder}/k"):
                        wrong += report("tekken " + f.name, texts, [theirs.encode(x, bos=False, eos=False) for x in texts], gradus_ids(a.gradus, f"{folder}/k", texts))
                    else:
                        wrong += 1
            except ImportError:
                pass
        if a.only in ("", "rwkv"):
            r = random.Random(3)
            tokens = [bytes([i]) for i in range(256)]
            data = text.encode()
            while len(tokens) < 3000:
                i = r.randrange(len(data) - 20)
                t = data[i:i + r.randint(2, 12)]
                if t not in tokens:
                    tokens.append(t)
            file = f"{folder}/rwkv_vocab.txt"
            with open(file, "w") as f:
                for i, t in enumerate(tokens, 1):
                    try:
                        s = repr(t.decode())
                    except UnicodeDecodeError:
                        s = repr(t)
                    f.write(f"{i} {s} {len(t)}\n")
            ids = {t: i for i, t in enumerate(tokens, 1)}

            def greedy(s):
                b, out, i = s.encode(), [], 0
                while i < len(b):
                    n = next(n for n in range(min(12, len(b) - i), 0, -1) if b[i:i + n] in ids)
                    out.append(ids[b[i:i + n]])
                    i += n
                return out
            texts = strings(text, a.n, 4)
            if convert(a.gradus, file, f"{folder}/r"):
                wrong += report("rwkv", texts, [greedy(x) for x in texts], gradus_ids(a.gradus, f"{folder}/r", texts))
            else:
                wrong += 1
    sys.exit(wrong != 0)


def bytes_to_chars():
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    out, n = [], 0
    for b in range(256):
        if b in keep:
            out.append(chr(b))
        else:
            out.append(chr(256 + n))
            n += 1
    return out


main()
