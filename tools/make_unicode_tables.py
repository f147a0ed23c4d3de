#!/usr/bin/env python3
"""Writes src/text/unicode_tables.cpp and unicode_tables_more.cpp: what Hugging Face tokenizers knows about characters, asked of it code point by
code point, so that both agree on every one of them whatever Unicode version a system library carries. Its parts come
from crates of different age, which is why one property would not do for another.

  letter, number   \\p{L} and \\p{N} of its pre-tokenizers' regular expressions (Oniguruma)
  word             \\w of its added-token matcher and of its Whitespace pre-tokenizer (the `regex` crate)
  space            \\s; the two engines agree on it, which is asserted here
  punctuation      what the Punctuation and Bert pre-tokenizers isolate
  numeric          what the Digits pre-tokenizer finds
  mark             what StripAccents removes
  nonspacing       what BertNormalizer's strip_accents removes
  control          what BertNormalizer's clean_text removes
  normalizes       what NFD or NFKD change, or a canonical combining class other than 0; Hangul syllables are left out
  lowercase        what Lowercase changes, by how much
  script           what UnicodeScripts tells apart; characters in no range go with any script
  newer            characters that Oniguruma has a category for and PCRE2 10.42 has not yet

Needs: tokenizers==0.23.3 and the library of PCRE2 10.42 (Debian 12's libpcre2-8-0). Run from the repository's root.
"""
import ctypes
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def pattern_class(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    found = []
    for i in range(0, len(SCALARS), 4096):
        chunk = SCALARS[i : i + 4096]
        kept = set("".join(piece for piece, _ in split.pre_tokenize_str("".join(map(chr, chunk)))))
        found += [c for c in chunk if chr(c) not in kept]
    return found


def pcre2_class(pattern):
    pcre = ctypes.CDLL("libpcre2-8.so.0")
    pcre.pcre2_compile_8.restype = pcre.pcre2_match_data_create_8.restype = ctypes.c_void_p
    pcre.pcre2_get_ovector_pointer_8.restype = ctypes.POINTER(ctypes.c_size_t)
    version = ctypes.create_string_buffer(64)
    pcre.pcre2_config_8(11, version)
    assert version.value.startswith(b"10.42"), version.value
    error, at = ctypes.c_int(), ctypes.c_size_t()
    utf_ucp = 0x00080000 | 0x00020000
    code = ctypes.c_void_p(pcre.pcre2_compile_8(pattern.encode() + b"+", ctypes.c_size_t(len(pattern) + 1),
                                                ctypes.c_uint32(utf_ucp), ctypes.byref(error), ctypes.byref(at), None))
    data = ctypes.c_void_p(pcre.pcre2_match_data_create_8(1, None))
    found = []
    for i in range(0, len(SCALARS), 65536):
        subject = "".join(map(chr, SCALARS[i : i + 65536])).encode()
        start = 0
        while pcre.pcre2_match_8(code, subject, ctypes.c_size_t(len(subject)), ctypes.c_size_t(start), 0, data, None) > 0:
            span = pcre.pcre2_get_ovector_pointer_8(data)
            found += map(ord, subject[span[0] : span[1]].decode())
            start = span[1]
    return found


def added_token_class(kind):
    """Code points c for which the added token <m> behaves as beside a \\w (or \\s) in "c<m>"."""
    tokenizer = Tokenizer(models.WordLevel({"u": 0}, unk_token="u"))
    flags = {"single_word": True} if kind == "word" else {"lstrip": True}
    tokenizer.add_tokens([AddedToken("<m>", normalized=False, **flags)])
    found = []
    for c in SCALARS:
        tokens = tokenizer.encode(chr(c) + "<m>").ids
        if tokens == ([0] if kind == "word" else [1]):
            found.append(c)
    return found


def changed_by(normalizer):
    out = {c: normalizer.normalize_str(chr(c)) for c in SCALARS}
    return {c: text for c, text in out.items() if text != chr(c)}


def isolated_by(pre_tokenizer):
    return [c for c in SCALARS if len(pre_tokenizer.pre_tokenize_str("a" + chr(c))) == 2]


def bert(**on):
    settings = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**settings, **on})


def has_combining_class(c):
    nfd = normalizers.NFD().normalize_str
    low, high, c = "\u0334", "\u0345", chr(c)  # classes 1 and 240: one of them changes places with c
    return nfd("a" + c + low) == "a" + low + c or nfd("a" + high + c) == "a" + c + high


def scripts():
    """{code point: number of its script}; 0 and above. Characters that go with any script are left out."""
    together = lambda a, b: len(pre_tokenizers.UnicodeScripts().pre_tokenize_str(chr(a) + chr(b))) == 1
    latin, han = ord("a"), 0x6F22
    out, known, last = {}, [], None
    for c in SCALARS:
        if together(latin, c) and together(han, c):
            continue
        if last is not None and together(last, c):
            out[c] = out[last]
        else:
            number = next((i for i, other in enumerate(known) if together(other, c)), len(known))
            if number == len(known):
                known.append(c)
            out[c] = number
        last = c
    return out


def ranges(points):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def labelled_ranges(labels):
    out = []
    for c, label in sorted(labels.items()):
        if out and out[-1][1] == c - 1 and out[-1][2] == label:
            out[-1][1] = c
        else:
            out.append([c, c, label])
    return out


def lowercase_runs():
    """(first, last, step, difference): runs of characters, one or two apart, that move by the same difference."""
    out = []
    for c, text in changed_by(normalizers.Lowercase()).items():
        if len(text) > 1:
            assert c == 0x130 and text == "i\u0307", hex(c)
            continue
        delta = ord(text) - c
        if out and out[-1][3] == delta and c - out[-1][1] in (1, 2) and out[-1][2] in (0, c - out[-1][1]):
            out[-1][2] = c - out[-1][1]
            out[-1][1] = c
        else:
            out.append([c, c, 0, delta])
    return [(a, b, step or 1, delta) for a, b, step, delta in out]


def table(kind, name, cells):
    lines = ["", "// clang-format off", f"const {kind} {name}[{len(cells)}] = {{"]
    row = "   "
    for cell in cells:
        if len(row) + len(cell) > 117:
            lines.append(row)
            row = "   "
        row += " " + cell + ","
    print(name, len(cells), file=sys.stderr)
    return lines + [row, "};", "// clang-format on", f"const int {name}_count = {len(cells)};"]


def write(name, lines):
    head = ["// Generated by tools/make_unicode_tables.py from tokenizers 0.23.3; do not edit.",
            '#include "text/unicode_tables.h"', "", "namespace gradus::unicode_tables {"]
    tail = ["", "}  // namespace gradus::unicode_tables", ""]
    open(f"src/text/{name}", "w").write("\n".join(head + lines + tail))


def main():
    space = pattern_class(r"\s")
    assert space == added_token_class("space"), "the two engines differ about \\s"
    normalizes = set(changed_by(normalizers.NFD())) | set(changed_by(normalizers.NFKD()))
    normalizes = {c for c in normalizes if not 0xAC00 <= c < 0xD7A4} | {c for c in SCALARS if has_combining_class(c)}
    classes = {
        "letter": pattern_class(r"\p{L}"),
        "number": pattern_class(r"\p{N}"),
        "space": space,
        "word": added_token_class("word"),
        "punctuation": isolated_by(pre_tokenizers.Punctuation()),
        "numeric": isolated_by(pre_tokenizers.Digits()),
        "mark": [c for c, text in changed_by(normalizers.StripAccents()).items() if text == ""],
        "nonspacing": [c for c, text in changed_by(bert(strip_accents=True)).items() if text == ""],
        "control": [c for c, text in changed_by(bert(clean_text=True)).items() if text == ""],
        "normalizes": sorted(normalizes),
    }
    lines = []
    for name, points in classes.items():
        lines += table("Range", name, [f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges(points)])
    write("unicode_tables.cpp", lines)
    lines = table("CaseRange", "lowercase", [f"{{0x{a:X}, 0x{b:X}, {s}, {d}}}" for a, b, s, d in lowercase_runs()])
    lines += table("LabelledRange", "script", [f"{{0x{a:X}, 0x{b:X}, {n}}}" for a, b, n in labelled_ranges(scripts())])
    newer, categories = {}, "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Cf".split()
    for category in categories:
        for c in set(pattern_class(rf"\p{{{category}}}")) - set(pcre2_class(rf"\p{{{category}}}")):
            newer[c] = f"'{category[0]}', '{category[1]}'"
    lines += table("CategoryRange", "newer", [f"{{0x{a:X}, 0x{b:X}, {n}}}" for a, b, n in labelled_ranges(newer)])
    han = set(pattern_class(r"\p{Han}")) - set(pcre2_class(r"\p{Han}"))
    lines += table("Range", "newer_han", [f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges(sorted(han))])
    write("unicode_tables_more.cpp", lines)


main()
