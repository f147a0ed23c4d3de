#!/usr/bin/env python3
"""Compares the program with Hugging Face tokenizers, string by string: ids and decoded text.

    check_tokenizers.py PROGRAM random [--pipelines 100] [--strings 300] [--seed 0]
        random pipelines: any normalizers, pre-tokenizers, model, post-processor, decoder and added tokens, trained on
        small text
    check_tokenizers.py PROGRAM file PATH... [--strings 100000]
        the vocabularies of tokenizer.json files

A difference prints the pipeline (kept in a folder) and the shortest string that shows it. Needs tokenizers==0.23.3.
"""
import argparse
import base64
import json
import os
import random
import re
import subprocess
import sys
import tempfile

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

WORDS = """the quick brown fox jumps over a lazy dog and runs through forests of green trees while naïve café owners
résumé their work don't won't it's we'll they've I'm Über straße Ελληνικά λόγος русский язык українська עברית العربية
हिन्दी ไทย 中文字符 日本語のテキスト 한국어 텍스트 1234 56 7,890 3.14 x=y+1; if(a<b){return c;} http://example.org/path?q=1 foo_bar
CamelCase SCREAMING e\u0301 a\u0300\u0316 ﬁ ½ Ⅷ ① ｆｕｌｌ İstanbul ǆ Σίσυφος""".split()
PIECES = list("abcdefgzAEXZ0159 .,;:!?'\"-_()[]{}<>/\\|@#$%^&*+=~`\n\r\t") + [
    " ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", "'s", "'LL", " 've", "n't", "\u00a0", "\u3000", "\u2003", "\u200b", "\u200d", "\u200e",
    "\ufeff", "\u00ad", "\u0000", "\u0001", "\u000b", "\u000c", "\u001f", "\u007f", "\u0085", "\u008f", "\u009f", "\u2028", "\ufffd", "\ue000",
    "é", "e\u0301", "\u0301", "\u0316", "\u0345", "ñ", "ß", "ẞ", "İ", "ı", "Σ", "ς", "ﬁ", "Å", "½", "²", "Ⅷ", "①", "ｆ", "ー", "가", "각",
    "\u1100", "\u1161", "\u11a8", "中", "文", "漢", "か", "カ", "。", "，", "の", "龍", "𠀀", "\U0002b820", "\ufa0e", "한", "ا", "لا", "\u064b", "ع",
    "א", "\u05b0", "ก", "\u0e33", "\u0e49", "क", "\u094d", "ष", "\u093f", "😀", "👨\u200d👩\u200d👧", "🇫🇷", "👍🏽", "❤\ufe0f", "𝔸", "𝟙", "\U000e0041", "\U00011938",
    "\U0001e900", "▁", "Ġ", "##", "</w>", "<0x41>", "<s>", "</s>", "[CLS]", "[UNK]", "<unk>", "<mask>", " <mask> ", "[MASK]", "<pad>",
    "Hello", "hello", "THE", "the", "1234567", "foo_bar", "http://", "…", "—", "’", "“", "€", "°", "™", "\u1e9b\u0323", "\ufdfa"]


def nasty(rng):
    kind = rng.random()
    if kind < 0.03:
        return rng.choice(PIECES) * rng.randint(1, 300)
    if kind < 0.15:
        return "".join(chr(rng.choice([rng.randint(0, 0x24F), rng.randint(0x250, 0xD7FF), rng.randint(0xE000, 0xFFFF),
                                       rng.randint(0x10000, 0x323AF), rng.randint(0xE0000, 0x10FFFF)]))
                       for _ in range(rng.randint(1, 12)))
    if kind < 0.55:
        return " ".join(rng.choice(WORDS) if rng.random() < 0.8 else rng.choice(PIECES) for _ in range(rng.randint(0, 12)))
    return "".join(rng.choice(PIECES if rng.random() < 0.8 else WORDS) for _ in range(rng.randint(0, 20)))


PATTERNS = [r"\s+", r"\d", r"\w+|[^\w\s]+", r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[\p{P}$+<=>^`|~]+", r"\p{Han}+|[a-z]+", r"[^\S\n]+", r"\b", r"(?=[A-Z])", r"[一-龥぀-ゟ゠-ヿ]+", r"\p{N}{1,3}",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[\p{L}&&[^\p{Han}]]+", r"\h+", r"^.", r"(?<=a).", r"[[:upper:]][[:lower:]]*", r"x*", r".{3}", r"[\w&&[^a-c]]+|\W"]
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]


def random_normalizer(rng, charsmap=None):
    n = normalizers
    choices = [n.NFC, n.NFD, n.NFKC, n.NFKD, n.Lowercase, n.StripAccents, n.Nmt,
               lambda: n.Strip(left=rng.random() < 0.5, right=rng.random() < 0.5),
               lambda: n.Replace(rng.choice(["a", " ", "the", "''", "  "]), rng.choice(["", "▁", "xy", "é", " "])),
               lambda: n.Replace(Regex(rng.choice([r"\s+", r" {2,}", r"[aeiou]", r"\d+", "''|``"])), rng.choice(["", " ", "▁", "0"])),
               lambda: n.Prepend(rng.choice(["▁", " ", "<s>", "é"])),
               lambda: n.BertNormalizer(*(rng.random() < 0.6 for _ in range(2)), rng.choice([None, True, False]), rng.random() < 0.5),
               n.ByteLevel]
    if charsmap:
        choices += [lambda: n.Precompiled(charsmap)] * 2
    count = rng.choice([0, 1, 1, 2, 3])
    parts = [rng.choice(choices)() for _ in range(count)]
    return None if not parts else parts[0] if len(parts) == 1 and rng.random() < 0.7 else n.Sequence(parts)


def random_metaspace(rng, make):
    return make(replacement=rng.choice(["▁", "_"]), prepend_scheme=rng.choice(["always", "first", "never"]), split=rng.random() < 0.7)


def random_pre_tokenizer(rng):
    p = pre_tokenizers
    pattern = lambda: rng.choice([rng.choice(["a", " ", "th", "é", ","]), Regex(rng.choice(PATTERNS)), Regex(rng.choice(PATTERNS))])
    choices = [lambda: p.ByteLevel(add_prefix_space=rng.random() < 0.5, use_regex=rng.random() < 0.7)] * 3 + [
               lambda: random_metaspace(rng, p.Metaspace)] * 2 + [
               lambda: p.Split(pattern(), rng.choice(BEHAVIORS), invert=rng.random() < 0.3)] * 3 + [
               p.BertPreTokenizer, lambda: p.Digits(individual_digits=rng.random() < 0.5), lambda: p.Punctuation(rng.choice(BEHAVIORS)),
               p.Whitespace, p.WhitespaceSplit, lambda: p.CharDelimiterSplit(rng.choice(["a", "-", " ", "中"])), p.UnicodeScripts,
               lambda: p.FixedLength(rng.randint(1, 7))]
    parts = [rng.choice(choices)() for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3]))]
    return None if not parts else parts[0] if len(parts) == 1 and rng.random() < 0.7 else p.Sequence(parts)


def random_decoder(rng):
    d = decoders
    choices = [d.ByteLevel, d.ByteLevel, lambda: d.WordPiece(rng.choice(["##", "▁"]), rng.random() < 0.5), lambda: random_metaspace(rng, d.Metaspace),
               lambda: d.BPEDecoder(rng.choice(["</w>", "e"])), lambda: d.CTC(rng.choice(["<pad>", "a"]), rng.choice(["|", "_"]), rng.random() < 0.5),
               d.ByteFallback, d.Fuse, lambda: d.Strip(rng.choice([" ", "▁", "a"]), rng.randint(0, 2), rng.randint(0, 2)),
               lambda: d.Replace(rng.choice(["▁", "a"]), rng.choice([" ", ""])), lambda: d.Replace(Regex(rng.choice([r"\s+", "[ab]"])), "x")]
    parts = [rng.choice(choices)() for _ in range(rng.choice([0, 1, 1, 2, 4]))]
    return None if not parts else parts[0] if len(parts) == 1 and rng.random() < 0.7 else d.Sequence(parts)


def random_pipeline(rng, charsmap):
    special = ["<unk>", "<s>", "</s>", "<pad>", "[CLS]"]
    kind = rng.choice(["bpe", "bpe", "bpe", "wordpiece", "unigram", "unigram", "wordlevel"])
    size = rng.randint(150, 700)
    if kind == "bpe":
        prefix, suffix = rng.choice([(None, None), (None, None), ("##", None), (None, "</w>"), ("@@", "</w>")])
        fallback = rng.random() < 0.3
        parts = {k: v for k, v in (("continuing_subword_prefix", prefix), ("end_of_word_suffix", suffix)) if v}
        tokenizer = Tokenizer(models.BPE(unk_token=rng.choice([None, "<unk>"]), fuse_unk=rng.random() < 0.5, byte_fallback=fallback,
                                         ignore_merges=rng.random() < 0.2, **parts))
        extra = [f"<0x{b:02X}>" for b in range(256)] if fallback and rng.random() < 0.8 else []
        alphabet = pre_tokenizers.ByteLevel.alphabet() if rng.random() < 0.5 else []
        trainer = trainers.BpeTrainer(vocab_size=size + len(extra), special_tokens=special + extra, show_progress=False, initial_alphabet=alphabet, **parts)
    elif kind == "wordpiece":
        prefix = rng.choice(["##", "##", "_"])
        tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>", max_input_chars_per_word=rng.choice([100, 100, 5]), continuing_subword_prefix=prefix))
        trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False, continuing_subword_prefix=prefix)
    elif kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False)
    else:
        tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
        trainer = trainers.WordLevelTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    normalizer, pre = random_normalizer(rng, charsmap), random_pre_tokenizer(rng)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    lines = [" ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 20))) for _ in range(150)]
    tokenizer.train_from_iterator(lines, trainer)
    document = json.loads(tokenizer.to_str())
    model = document["model"]
    if kind == "unigram" and rng.random() < 0.4:
        model["byte_fallback"] = True
        model["vocab"] += [[f"<0x{b:02X}>", -12.0] for b in range(256)]
    if kind == "bpe" and rng.random() < 0.1 and model["merges"]:
        rng.shuffle(model["merges"])
    if kind == "bpe" and rng.random() < 0.1:
        model["merges"] = [" ".join(m) for m in model["merges"] if " " not in m[0] + m[1]]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    if rng.random() < 0.5:
        tokenizer.add_tokens([AddedToken(text, single_word=rng.random() < 0.3, lstrip=rng.random() < 0.3, rstrip=rng.random() < 0.15,
                                         normalized=rng.random() < 0.5) for text in rng.sample(["Hello", "a b", "naïve", "foo", "<mask>", "1234", "the", "é"], 2)])
    if rng.random() < 0.5:
        tokenizer.add_special_tokens([AddedToken(text, lstrip=rng.random() < 0.4, rstrip=rng.random() < 0.2, normalized=rng.random() < 0.2)
                                      for text in rng.sample(["<mask>", "[MASK]", "<|end|>", "</s>"], 2)])
    vocab = tokenizer.get_vocab()
    post = rng.random()
    s, e = ("<s>", vocab["<s>"]), ("</s>", vocab["</s>"])
    template = processors.TemplateProcessing(rng.choice(["<s> $A </s>", "$A </s>", "<s> $A", "$A $A"]), "<s> $A </s> $B:1 </s>:1", [s, e])
    if post < 0.2:
        tokenizer.post_processor = template
    elif post < 0.3:
        tokenizer.post_processor = processors.BertProcessing(e, s)
    elif post < 0.4:
        tokenizer.post_processor = processors.RobertaProcessing(e, s, rng.random() < 0.5, rng.random() < 0.5)
    elif post < 0.5:
        tokenizer.post_processor = processors.ByteLevel(rng.random() < 0.5)
    elif post < 0.6:
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(rng.random() < 0.5), template])
    decoder = random_decoder(rng)
    if decoder:
        tokenizer.decoder = decoder
    if rng.random() < 0.1:
        tokenizer.enable_padding(length=9)
        tokenizer.enable_truncation(3)
    return tokenizer


def run(program, verb, path, lines, *more):
    done = subprocess.run([program, verb, "--jsonl", "--tokenizer", path, *more], input="".join(json.dumps(x) + "\n" for x in lines),
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return [json.loads(x) for x in done.stdout.split("\n") if x]


def compare(program, path, tokenizer, texts):
    """Number of strings compared, and the differences: (text, what, wanted, got)."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    full, kept = [], []
    for text in texts:
        try:
            full.append(tokenizer.encode(text))
            kept.append(text)
        except BaseException:  # Hugging Face's own panics, and models without an unknown token
            pass
    wanted = [e.ids for e in full]
    differences = []
    got = run(program, "tokenize", path, kept, "--encoding")
    plain = run(program, "tokenize", path, kept)
    for text, encoding, g, ids in zip(kept, full, got, plain, strict=True):
        for what, w, h in (("ids", encoding.ids, ids), ("ids of --encoding", encoding.ids, g["ids"]),
                           ("offsets", [list(o) for o in encoding.offsets], g["offsets"]), ("tokens", encoding.tokens, g["tokens"]),
                           ("type_ids", encoding.type_ids, g["type_ids"]), ("special", encoding.special_tokens_mask, g["special_tokens_mask"]),
                           ("words", [-1 if w is None else w for w in encoding.word_ids], [-1 if w is None else w for w in g["word_ids"]])):
            if w != h:
                differences.append((text, what, w, h))
                break
    for skip in (False, True):
        outs, ids = [], []
        for text, w in zip(kept, wanted):
            try:
                outs.append(tokenizer.decode(w, skip_special_tokens=skip))
                ids.append(w)
            except BaseException:
                pass
        decoded = run(program, "detokenize", path, ids, *(["--skip-special-tokens"] if skip else []))
        differences += [(str(i), f"decoded, skip {skip}", w, g) for i, w, g in zip(ids, outs, decoded, strict=True) if w != g]
    return len(kept), differences


def report(name, differences, limit=3):
    for text, what, want, got in sorted(differences, key=lambda d: len(d[0]))[:limit]:
        print(f"  {what}: {text!r}\n    wanted {want!r}\n    got    {got!r}"[:900])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("mode", choices=["random", "file"])
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--pipelines", type=int, default=100)
    parser.add_argument("--strings", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--charsmap", help="a tokenizer.json whose normalizer is or holds a Precompiled one, to be used too")
    args = parser.parse_args()
    charsmap = None
    if args.charsmap:
        found = re.search(r'"precompiled_charsmap"\s*:\s*"([^"]+)"', open(args.charsmap, encoding="utf-8").read())
        charsmap = base64.b64decode(found.group(1))
    folder = tempfile.mkdtemp(prefix="tokenizers-")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    total = bad = failed = 0
    if args.mode == "file":
        for path in args.paths:
            rng = random.Random(args.seed)
            n, differences = compare(args.program, path, Tokenizer.from_file(path), [nasty(rng) for _ in range(args.strings)])
            print(f"{path}: {n} strings, {len(differences)} differences")
            report(path, differences)
            bad += len(differences)
        sys.exit(bad > 0)
    for seed in range(args.seed, args.seed + args.pipelines):
        rng = random.Random(seed)
        try:
            tokenizer = random_pipeline(rng, charsmap)
        except BaseException as e:  # a pipeline that Hugging Face cannot train
            continue
        path = os.path.join(folder, f"{seed}.json")
        tokenizer.save(path)
        tokenizer = Tokenizer.from_file(path)
        try:
            n, differences = compare(args.program, path, tokenizer, [nasty(rng) for _ in range(args.strings)])
        except RuntimeError as e:
            print(f"{path}: {str(e)[:500]}")
            failed += 1
            continue
        total += n
        bad += len(differences)
        if differences:
            document = json.loads(tokenizer.to_str())
            print(f"{path}: {len(differences)} of {n} differ", {k: document[k] for k in ("normalizer", "pre_tokenizer", "decoder")},
                  {k: v for k, v in document["model"].items() if k not in ("vocab", "merges")}, document["added_tokens"][5:])
            report(path, differences)
        else:
            os.remove(path)
    print(f"{total} strings, {bad} differences, {failed} pipelines refused")
    sys.exit(bad + failed > 0)


main()
