"""Makes tokenizers/: what Hugging Face tokenizers trains and encodes, for small vocabularies and nasty strings.

    python tests/golden/make_tokenizer_goldens.py

Each tokenizers/<name>/ holds
  tokenizer.json   as tokenizers saves it
  cases.json       [{"text", "ids", "decoded", "skipped"}]: encode(text).ids, decode of them with and without special
                   tokens
tokenizers/corpus.txt is the text they are trained on, one document (documents end with a line "%").
Needs: tokenizers==0.23.3.
"""
import json
import os
import random
import shutil

import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizers")

WORDS = ("the of and to a in that it was is his he with as on had at by which for not from but be all this are have "
         "don't I'll we've they're it's river rivers running runner café naïve Zürich 北京 你好 世界 日本語 한국어 "
         "مرحبا עברית русский язык 🙂 👩‍👩‍👧 1234 42 x_1 += return for(int i=0;i<n;++i) http://a.b/c?d=e").split(" ")
NASTY = ["", " ", "  ", "\n", "\r\n", "\t\t", "a  b   c    d", " lead", "trail ", "trail  ", "\n\n\nx", "x \n y", "x\u00a0\u2003y",
         "\u3000中文\u3000", "\u0085x\u2028y\u2029", "\x00\x01\x1f\x7f", "it's IT'S 'st ''s '", "'ll'll 'Ll 're've", "don’t", "e\u0301 é a\u0308\u0323",
         "👩‍👩‍👧‍👦🏳️‍🌈 🙂🙂", "مرحبا بك עברית", "١٢٣ ½ ² Ⅷ 12ab34", "北京1234你好world", "\u200b\u200d\ufeff", "\U0010ffff\U000e0001",
         " " * 50 + "x", "a" * 300, "ab" * 100, "!?!?…—$€₿", "<|endoftext|>", "a<|endoftext|>b<|endoftext|><|endoftext|>", " <|endoftext|> x",
         "<|endoftext", "<mask> <mask>, x<mask> <mask>y <mask>", "a <l> b<l>\n<l>c", "a <r> b<r>\n<r>  c", "ﬁ ﬃ Å K", "Ａ１",
         "naïve<tok>naïve tok", "<tok><tok2><tok>", "<|im|>é<|im|>é"]


def corpus(rng):
    documents = []
    for _ in range(60):
        lines = []
        for _ in range(rng.randint(1, 4)):
            lines.append(" ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 12))) + rng.choice(".!?,;") + "\n")
        documents.append("".join(lines))
    return documents


def strings(rng):
    out = list(NASTY)
    for _ in range(150):
        parts = []
        for _ in range(rng.randint(1, 12)):
            kind = rng.random()
            if kind < 0.6:
                parts.append(rng.choice(WORDS + NASTY[:30]))
            elif kind < 0.8:
                parts.append(rng.choice([" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2028", "'"]))
            else:
                code = rng.choice([rng.randrange(0x80), rng.randrange(0x800), rng.randrange(0x10000), rng.randrange(0x110000)])
                parts.append("" if 0xD800 <= code < 0xE000 else chr(code))
        out.append("".join(parts))
    return out


def trained(documents, size, min_frequency=2, prefix=False, special=("<|endoftext|>",)):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(documents, trainers.BpeTrainer(
        vocab_size=size, min_frequency=min_frequency, special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def changed(tokenizer, change):
    document = json.loads(tokenizer.to_str())
    change(document)
    return Tokenizer.from_str(json.dumps(document)), document


def make(documents):
    yield "plain", trained(documents, 600), None
    yield "prefix", trained(documents, 420, min_frequency=3, prefix=True, special=("<a>", "<|endoftext|>", "th")), None

    flags = trained(documents, 500)
    flags.normalizer = normalizers.NFC()
    flags.add_special_tokens([AddedToken("<|im|>", normalized=False, special=True)])
    flags.add_tokens([AddedToken("<mask>", single_word=True), AddedToken("<l>", lstrip=True, normalized=False),
                      AddedToken("<r>", rstrip=True), AddedToken("<tok>"), AddedToken("<tok2>", normalized=False),
                      AddedToken("naïve"), AddedToken("a b")])
    flags.enable_padding(length=12)
    flags.enable_truncation(5)
    yield "flags", flags, None

    def poor(document):  # bytes without tokens, an unknown token, merges spelled the old way, no decoder
        model = document["model"]
        missing = set("zKÃâ") | set("Ċ")
        keep = [t for t in model["vocab"] if not missing & set(t)] + ["<unk>"]
        model["vocab"] = {t: i for i, t in enumerate(keep)}
        model["merges"] = [" ".join(m) for m in model["merges"] if m[0] + m[1] in model["vocab"]]
        model["unk_token"] = "<unk>"
        model["fuse_unk"] = True
        document["decoder"] = None

    yield "poor", *changed(trained(documents, 500), poor)

    def quirks(document):  # whole words first; ranks that no trainer gives
        model = document["model"]
        model["ignore_merges"] = True
        model["merges"] = model["merges"][::-1]

    yield "quirks", *changed(trained(documents, 500), quirks)


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    rng = random.Random(0)
    documents = corpus(rng)
    texts = strings(rng)
    os.makedirs(HERE)
    with open(os.path.join(HERE, "corpus.txt"), "w", encoding="utf-8", newline="") as f:
        f.write("%\n".join(documents))
    for name, tokenizer, document in make(documents):
        os.makedirs(os.path.join(HERE, name))
        with open(os.path.join(HERE, name, "tokenizer.json"), "w", encoding="utf-8") as f:
            f.write(json.dumps(document, ensure_ascii=True, indent=1) if document else tokenizer.to_str(pretty=True))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        cases = []
        for text in texts:
            ids = tokenizer.encode(text).ids
            cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                          "skipped": tokenizer.decode(ids)})
        with open(os.path.join(HERE, name, "cases.json"), "w", encoding="utf-8") as f:
            f.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=True) for c in cases) + "\n]\n")


main()
