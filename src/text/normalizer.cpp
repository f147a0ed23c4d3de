#include "text/normalizer.h"

#include <string>
#include <utility>

#include "text/byte_level.h"
#include "text/normal_form.h"
#include "text/regex.h"

namespace gradus {

namespace {

/// Calls `f(code)` for each character.
template <class F>
void each_char(std::string_view text, const F& f) {
  for (const char *p = text.data(), *end = p + text.size(); p < end;) {
    const Utf8Step step = decode_utf8(p, end);
    f(step.code);
    p += step.length;
  }
}

/// A new text made by `write(rewriter)` takes the place of the old one.
template <class F>
void rewrite(AlignedText& text, const F& write) {
  AlignedText out = text.like();
  out.bytes.reserve(text.bytes.size() + 16);
  Rewriter rewriter(text, 0, text.bytes.size(), text.shift, out);
  write(rewriter);
  text = std::move(out);
}

/// Keeps the characters that `keep` likes. What is taken away counts for the character before it.
template <class F>
void filter_chars(AlignedText& text, const F& keep) {
  bool all = true;
  each_char(text.bytes, [&](uint32_t code) { all = all && keep(code); });
  if (all) return;
  rewrite(text, [&](Rewriter& out) {
    uint32_t held = 0;
    bool holds = false;
    int removed = 0;
    each_char(text.bytes, [&](uint32_t code) {
      if (!keep(code)) {
        ++removed;
        return;
      }
      if (holds)
        out.put(held, -removed);
      else
        out.skip(static_cast<size_t>(removed));
      held = code, holds = true, removed = 0;
    });
    if (holds) out.put(held, -removed);
  });
}

template <class F>
void map_chars(AlignedText& text, const F& map) {
  rewrite(text, [&](Rewriter& out) { each_char(text.bytes, [&](uint32_t code) { out.put(map(code), 0); }); });
}

void apply_form(AlignedText& text, NormalForm form) {
  if (is_ascii_text(text.bytes)) return;
  std::vector<NormalizedChar> chars;
  chars.reserve(text.bytes.size());
  normalize_chars(text.bytes, form, chars);
  rewrite(text, [&chars](Rewriter& out) {
    for (const NormalizedChar& c : chars) out.put(c.code, c.change);
  });
}

void apply_lowercase(AlignedText& text) {
  if (is_ascii_text(text.bytes)) {
    for (char& c : text.bytes)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return;
  }
  rewrite(text, [&text](Rewriter& out) {
    each_char(text.bytes, [&out](uint32_t code) {
      out.put(lowercase_char(code), 0);
      if (code == 0x130) out.put(0x307, 1);
    });
  });
}

class FormNormalizer : public Normalizer {
 public:
  explicit FormNormalizer(NormalForm form) : form_(form) {}
  void apply(AlignedText& text) const override { apply_form(text, form_); }

 private:
  NormalForm form_;
};

class LowercaseNormalizer : public Normalizer {
 public:
  void apply(AlignedText& text) const override { apply_lowercase(text); }
};

class StripAccentsNormalizer : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    const CharFlags& flags = CharFlags::table();
    if (!is_ascii_text(text.bytes)) filter_chars(text, [&flags](uint32_t code) { return !flags.is(code, kMark); });
  }
};

class StripNormalizer : public Normalizer {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}
  void apply(AlignedText& text) const override {
    const CharFlags& flags = CharFlags::table();
    const char *begin = text.bytes.data(), *end = begin + text.bytes.size(), *first = begin, *last = end;
    while (left_ && first < end) {
      const Utf8Step step = decode_utf8(first, end);
      if (!flags.is(step.code, kSpace)) break;
      first += step.length;
    }
    while (right_ && last > first) {
      const Utf8Step step = decode_utf8_before(begin, last);
      if (!flags.is(step.code, kSpace)) break;
      last -= step.length;
    }
    if (first == begin && last == end) return;
    rewrite(text, [&](Rewriter& out) {
      out.skip_bytes(static_cast<size_t>(first - begin));
      out.copy(static_cast<size_t>(last - first));
    });
  }

 private:
  bool left_, right_;
};

class ReplaceNormalizer : public Normalizer {
 public:
  ReplaceNormalizer(TextFinder finder, std::string content)
      : finder_(std::move(finder)), content_(std::move(content)) {}
  void apply(AlignedText& text) const override {
    std::vector<MatchSpan> matches;
    finder_.find_all(text.bytes, matches);
    if (matches.empty()) return;
    rewrite(text, [&](Rewriter& out) {
      size_t at = 0;
      for (const MatchSpan& match : matches) {
        out.copy(match.begin - at);
        out.skip_bytes(match.end - match.begin);
        each_char(content_, [&out](uint32_t code) { out.put(code, 1); });
        at = match.end;
      }
      out.copy(text.bytes.size() - at);
    });
  }

 private:
  TextFinder finder_;
  std::string content_;
};

class PrependNormalizer : public Normalizer {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(AlignedText& text) const override {
    if (text.bytes.empty()) return;
    AlignedText out = text.like();
    append_prefixed(text, {0, text.bytes.size(), text.shift}, prefix_, out);
    text = std::move(out);
  }

 private:
  std::string prefix_;
};

/// What the original BERT's tokenizer does to a text (Devlin et al. 2018, its BasicTokenizer).
class BertNormalizer : public Normalizer {
 public:
  BertNormalizer(bool clean, bool chinese, bool strip, bool lower)
      : clean_(clean), chinese_(chinese), strip_(strip), lower_(lower) {}
  void apply(AlignedText& text) const override {
    const CharFlags& flags = CharFlags::table();
    if (clean_) {
      filter_chars(text, [&flags](uint32_t c) { return c != 0 && c != 0xFFFD && !flags.is(c, kControl); });
      map_chars(text, [&flags](uint32_t c) { return flags.is(c, kSpace) ? ' ' : c; });
    }
    if (chinese_ && !is_ascii_text(text.bytes)) {
      rewrite(text, [&text](Rewriter& out) {
        each_char(text.bytes, [&out](uint32_t code) {
          // The space in front takes the character's place, so that all three have its origin.
          const bool chinese = is_chinese(code);
          if (chinese) out.put(' ', 0);
          out.put(code, chinese ? 1 : 0);
          if (chinese) out.put(' ', 1);
        });
      });
    }
    if (strip_ && !is_ascii_text(text.bytes)) {
      apply_form(text, NormalForm::nfd);
      filter_chars(text, [&flags](uint32_t c) { return !flags.is(c, kNonspacing); });
    }
    if (lower_) apply_lowercase(text);
  }

 private:
  static bool is_chinese(uint32_t c) {
    const auto in = [c](uint32_t first, uint32_t last) { return c >= first && c <= last; };
    return in(0x4E00, 0x9FFF) || in(0x3400, 0x4DBF) || in(0x20000, 0x2A6DF) || in(0x2A700, 0x2B73F) ||
           in(0x2B740, 0x2B81F) || in(0x2B920, 0x2CEAF) || in(0xF900, 0xFAFF) || in(0x2F800, 0x2FA1F);
  }
  bool clean_, chinese_, strip_, lower_;
};

/// SentencePiece's older rules for control characters and blanks, before its Unicode normalisation.
class NmtNormalizer : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    filter_chars(text, [](uint32_t c) {
      return !((c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F);
    });
    map_chars(text, [](uint32_t c) {
      const bool blank = c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
      return blank ? ' ' : c;
    });
  }
};

class ByteLevelNormalizer : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    AlignedText out = text.like();
    append_spelled(text, {0, text.bytes.size(), text.shift}, out);
    text = std::move(out);
  }
};

void add_normalizer(const ComponentFields& f, std::vector<std::unique_ptr<const Normalizer>>& out) {
  const std::string type = f.type();
  if (type == "Sequence") {
    f.only({"normalizers"});
    for (const ComponentFields& part : f.list("normalizers")) add_normalizer(part, out);
    return;
  }
  if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    f.only({});
    out.push_back(std::make_unique<FormNormalizer>(type == "NFC"    ? NormalForm::nfc
                                                   : type == "NFD"  ? NormalForm::nfd
                                                   : type == "NFKC" ? NormalForm::nfkc
                                                                    : NormalForm::nfkd));
  } else if (type == "Lowercase") {
    f.only({});
    out.push_back(std::make_unique<LowercaseNormalizer>());
  } else if (type == "StripAccents") {
    f.only({});
    out.push_back(std::make_unique<StripAccentsNormalizer>());
  } else if (type == "Strip" || type == "StripNormalizer") {
    f.only({"strip_left", "strip_right"});
    out.push_back(std::make_unique<StripNormalizer>(f.flag("strip_left"), f.flag("strip_right")));
  } else if (type == "Replace") {
    f.only({"pattern", "content"});
    out.push_back(std::make_unique<ReplaceNormalizer>(read_finder(f), f.text("content")));
  } else if (type == "Prepend") {
    f.only({"prepend"});
    out.push_back(std::make_unique<PrependNormalizer>(f.text("prepend")));
  } else if (type == "BertNormalizer") {
    f.only({"clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
    const bool lower = f.flag("lowercase");
    const bool strip = f.has("strip_accents") ? f.flag("strip_accents") : lower;
    out.push_back(std::make_unique<BertNormalizer>(f.flag("clean_text"), f.flag("handle_chinese_chars"), strip, lower));
  } else if (type == "Nmt") {
    f.only({});
    out.push_back(std::make_unique<NmtNormalizer>());
  } else if (type == "ByteLevel") {
    f.only({});
    out.push_back(std::make_unique<ByteLevelNormalizer>());
  } else if (type == "Precompiled") {
    f.only({"precompiled_charsmap"});
    if (auto precompiled = read_precompiled(f)) out.push_back(std::move(precompiled));
  } else if (!type.empty()) {
    f.unknown_type(
        "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, BertNormalizer, Nmt, ByteLevel, "
        "Precompiled, Sequence");
  }
}

}  // namespace

std::vector<std::unique_ptr<const Normalizer>> read_normalizer(const ComponentFields& fields) {
  std::vector<std::unique_ptr<const Normalizer>> steps;
  add_normalizer(fields, steps);
  return steps;
}

}  // namespace gradus
