"""Makes pipelines.json: small tokenizers of every kind of component, and what Hugging Face tokenizers makes
of nasty strings with them: ids, offsets, decoded text. Needs tokenizers==0.23.3; writes the same bytes every time.
"""
import json
import os
import random
import struct

import tokenizers
from tokenizers import (AddedToken, Regex, Tokenizer, decoders as d, models, normalizers as n, pre_tokenizers as p,
                        processors)

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
HERE = os.path.dirname(os.path.abspath(__file__))
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
PARTS = ["the", "then", "th", "he", "in", "ing", "er", "a", "b", "c", "d", "e", "é", "naïve", "ï", "v", "n", "t", "h", "r", "i", "g",
         "1", "12", "2", "3", ".", ",", "!", "'", "'s", "s", "中", "文", "中文", "か", "ー", "한", "я", "ру", "у", "😀", "▁", "▁the", "▁a",
         "x", "o", "of", "f", "w", "-", "_", "(", ")"]
STRINGS = ["", " ", "the", " the", "then he", "The THEN", "naïve naïve", "nai\u0308ve café", "in 123 ing, 12.3!", "中文 中か ー文", "한 \u1112\u1161\u11ab",
           "русу 😀😀 x", "a\nb\r\nc\t d", "  the   the  ", "the\u00a0the\u3000he", "a\u200bb\u0000c\ufffd\u007f", "<s>the</s>", "x <mask> y<mask>", "foo<unk>bar",
           "▁the▁a", "it's 'S don't", "½ ﬁ Ⅷ İ Σς", "e\u0301\u0316\u0345 a\u0316\u0301", "क्षि ก\u0e33", "👨\u200d👩\u200d👧🇫🇷", "𝔸\U00011938\U00020000", "(the)-he_er...",
           "a" * 40, " " * 17, "!?" * 9, "#the ##he", "Hello the", "thethethe", "\ufeffthe\u2028he"]


def vocabulary(*extra):
    return {token: i for i, token in enumerate(dict.fromkeys(SPECIAL + list(extra)))}


def bpe(tokens, merges, **settings):
    return models.BPE(vocabulary(*tokens, *(a + b for a, b in merges)), merges, **settings)


def charsmap():
    """A map in the layout of darts-clone, made by hand: "\u00bd" -> "1/2", "\ufb01" -> "fi", tab -> " ", "\u200b" -> ""."""
    entries = {"\u00bd".encode(): "1/2", "\ufb01".encode(): "fi", b"\t": " ", "\u200b".encode(): "", "e\u0301".encode(): "é"}
    replacements, places = b"", {}
    for key, text in sorted(entries.items()):
        places[key] = len(replacements)
        replacements += text.encode() + b"\0"
    units, used = {0: 0}, {0}

    def place(node, prefix):
        children = sorted({key[len(prefix)] for key in entries if key[: len(prefix)] == prefix and len(key) > len(prefix)})
        leaf = prefix in entries
        base = next(b for b in range(1, 1 << 20) if not any((b ^ c) in used for c in children) and (not leaf or b not in used))
        offset = base ^ node
        units[node] = units.get(node, 0) | offset << 10 | (0x100 if leaf else 0)
        if leaf:
            used.add(base)
            units[base] = 0x80000000 | places[prefix]
        for c in children:
            used.add(base ^ c)
            units[base ^ c] = c
        for c in children:
            place(base ^ c, prefix + bytes([c]))

    place(0, b"")
    array = [units.get(i, 0) for i in range(max(units) + 257)]
    blob = struct.pack("<I", 4 * len(array)) + struct.pack(f"<{len(array)}I", *array) + replacements
    return blob


def make():
    letters = [t for t in PARTS if len(t) == 1]
    merges = [("t", "h"), ("th", "e"), ("i", "n"), ("in", "g"), ("e", "r"), ("1", "2"), ("中", "文"), ("a", "a"), ("aa", "aa"), ("▁", "the"), ("the", "n")]
    alphabet = sorted(p.ByteLevel.alphabet())
    byte_merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("Ġ", "t"), ("Ã", "©"), ("ä", "¸"), ("ä¸", "Ń"), ("Ġ", "Ġ"), ("ĠĠ", "ĠĠ"), ("1", "2"), ("!", "?")]
    fallback = [f"<0x{b:02X}>" for b in range(256)]
    scores = {t: -1.0 - 0.37 * (i % 11) - (0.0 if len(t) > 1 else 3.0) for i, t in enumerate(PARTS)}
    unigram = [(t, 0.0) for t in SPECIAL] + list(scores.items())
    pieces = ["##" + t for t in PARTS] + PARTS

    t = Tokenizer(bpe(alphabet, byte_merges))
    t.pre_tokenizer = p.Sequence([p.Digits(True), p.ByteLevel(False)])
    t.decoder = d.ByteLevel()
    yield "digits and byte level", t

    t = Tokenizer(bpe(alphabet, byte_merges, ignore_merges=True))
    t.normalizer = n.NFC()
    t.pre_tokenizer = p.Sequence([p.Split(Regex(LLAMA3), "isolated"), p.ByteLevel(False, use_regex=False)])
    t.post_processor = processors.Sequence([processors.ByteLevel(True), processors.TemplateProcessing("<s> $A", "<s> $A <s> $B:1", [("<s>", 1)])])
    t.decoder = d.ByteLevel()
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    yield "regular expression and byte level", t

    t = Tokenizer(bpe(alphabet, byte_merges))
    t.pre_tokenizer = p.ByteLevel(True)
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1), True, True)
    t.decoder = d.ByteLevel()
    yield "RoBERTa", t

    t = Tokenizer(bpe(letters + fallback, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")])
    t.decoder = d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B:1", [("<s>", 1)])
    t.add_special_tokens(["<s>", "</s>", "<unk>"])
    yield "byte fallback", t

    marked = [x + "</w>" for x in letters]
    t = Tokenizer(bpe(letters + marked, [("t", "h"), ("th", "e</w>"), ("i", "n"), ("in", "g</w>"), ("e", "r</w>")], unk_token="<unk>",
                      end_of_word_suffix="</w>"))
    t.normalizer = n.Sequence([n.NFC(), n.Replace(Regex(r"\s+"), " "), n.Lowercase()])
    t.pre_tokenizer = p.Sequence([p.Split(Regex(r"'s|'t|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"), "removed", invert=True), p.Digits()])
    t.decoder = d.BPEDecoder("</w>")
    yield "end of word", t

    continued = ["@@" + x for x in letters]
    t = Tokenizer(bpe(letters + continued + ["th", "the"], [("t", "@@h"), ("th", "@@e")], unk_token="<unk>", continuing_subword_prefix="@@"))
    t.normalizer = n.Sequence([n.Nmt(), n.Strip()])
    t.pre_tokenizer = p.Sequence([p.Whitespace(), p.Punctuation("merged_with_previous")])
    t.decoder = d.WordPiece("@@", False)
    yield "continuing prefix", t

    t = Tokenizer(models.WordPiece(vocabulary("[UNK]", "[CLS]", "[SEP]", *pieces), unk_token="[UNK]"))
    t.normalizer = n.BertNormalizer()
    t.pre_tokenizer = p.BertPreTokenizer()
    t.post_processor = processors.BertProcessing(("[SEP]", 6), ("[CLS]", 5))
    t.decoder = d.WordPiece()
    t.add_special_tokens(["[CLS]", "[SEP]", "<mask>"])
    t.add_tokens([AddedToken("Hello", single_word=True)])
    yield "BERT", t

    t = Tokenizer(models.Unigram(unigram, 0, False))
    t.normalizer = n.Sequence([n.Precompiled(charsmap()), n.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = p.Metaspace(prepend_scheme="always")
    t.decoder = d.Metaspace(prepend_scheme="always")
    t.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 2)])
    t.add_special_tokens(["</s>", AddedToken("<mask>", lstrip=True)])
    yield "T5", t

    t = Tokenizer(models.Unigram(unigram + [(f, -9.0) for f in fallback], 0, True))
    t.normalizer = n.Sequence([n.NFKD(), n.StripAccents()])
    t.pre_tokenizer = p.Sequence([p.UnicodeScripts(), p.Metaspace("_", "first", False)])
    t.decoder = d.Sequence([d.ByteFallback(), d.Metaspace("_", "first")])
    yield "unigram with byte fallback", t

    t = Tokenizer(models.WordLevel(vocabulary(*PARTS), "<unk>"))
    t.normalizer = n.NFKC()
    t.pre_tokenizer = p.Sequence([p.WhitespaceSplit(), p.CharDelimiterSplit("-"), p.Split("he", "contiguous"), p.FixedLength(5)])
    t.decoder = d.CTC("<pad>", "e", True)
    yield "words", t

    t = Tokenizer(models.WordLevel(vocabulary(*PARTS, *alphabet), "<unk>"))
    t.normalizer = n.Sequence([n.NFD(), n.ByteLevel()])
    t.pre_tokenizer = p.Sequence([p.Split(Regex(r"(?=Ġ)|(?<=e)"), "merged_with_next"), p.Split(Regex("."), "isolated"), p.ByteLevel(False)])
    yield "bytes spelled twice", t


def main():
    out = []
    rng = random.Random(1)
    words = "".join(STRINGS)
    texts = STRINGS + ["".join(rng.choice(words) for _ in range(rng.randint(1, 14))) for _ in range(50)]
    for name, tokenizer in make():
        cases = []
        for text in texts:
            e = tokenizer.encode(text)
            cases.append([text, e.ids, [x for o in e.offsets for x in o], tokenizer.decode(e.ids, skip_special_tokens=False)])
        pair = tokenizer.encode("the in", "he 12")
        out.append({"name": name, "tokenizer": json.loads(tokenizer.to_str()), "cases": cases,
                    "pair": {"ids": pair.ids, "type_ids": pair.type_ids, "special_tokens_mask": pair.special_tokens_mask}})
    with open(os.path.join(HERE, "pipelines.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(x, ensure_ascii=True, separators=(",", ":")) for x in out) + "\n]\n")


main()
