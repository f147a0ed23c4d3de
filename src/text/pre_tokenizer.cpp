#include "text/pre_tokenizer.h"

#include <array>
#include <string>
#include <utility>

#include "text/byte_level.h"
#include "text/piece_sink.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace gradus {

namespace {

/// A pre-tokenizer that cuts and changes nothing: `cut_piece(text, piece, sink)` gives the sink all parts of a piece.
template <class F>
void cut_all(PreTokenized& pre, SplitBehavior behavior, bool invert, const F& cut_piece) {
  std::vector<Piece> out;
  out.reserve(pre.pieces.size() * 2);
  PieceSink sink(pre.text, behavior, invert, out);
  for (const Piece& piece : pre.pieces) {
    cut_piece(std::string_view(pre.text.bytes).substr(piece.begin, piece.end - piece.begin), piece.begin, sink);
    sink.finish();
  }
  pre.pieces = std::move(out);
}

/// Every character that `matches` likes is a delimiter of its own.
template <class F>
void cut_at_chars(PreTokenized& pre, SplitBehavior behavior, const F& matches) {
  std::array<bool, 256> plain{};  // ASCII that is no delimiter
  for (uint32_t code = 0; code < 0x80; ++code) plain[code] = !matches(code);
  cut_all(pre, behavior, false, [&](std::string_view text, size_t base, PieceSink& sink) {
    const char *begin = text.data(), *end = begin + text.size(), *rest = begin;
    const auto at = [begin, base](const char* p) { return base + static_cast<size_t>(p - begin); };
    for (const char* p = begin; p < end;) {
      if (plain[static_cast<unsigned char>(*p)]) {
        ++p;
        continue;
      }
      const Utf8Step step = decode_utf8(p, end);
      if (matches(step.code)) {
        if (rest < p) sink.add(at(rest), at(p), false);
        rest = p + step.length;
        sink.add(at(p), at(rest), true);
      }
      p += step.length;
    }
    if (rest < end) sink.add(at(rest), at(end), false);
  });
}

class CharSplitPreTokenizer : public PreTokenizer {
 public:
  CharSplitPreTokenizer(CharFlag flag, SplitBehavior behavior) : flag_(flag), behavior_(behavior) {}
  void apply(PreTokenized& pre) const override {
    const CharFlags& flags = CharFlags::table();
    cut_at_chars(pre, behavior_, [this, &flags](uint32_t code) { return flags.is(code, flag_); });
  }

 private:
  CharFlag flag_;
  SplitBehavior behavior_;
};

class DelimiterPreTokenizer : public PreTokenizer {
 public:
  explicit DelimiterPreTokenizer(uint32_t delimiter) : delimiter_(delimiter) {}
  void apply(PreTokenized& pre) const override {
    cut_at_chars(pre, SplitBehavior::removed, [this](uint32_t code) { return code == delimiter_; });
  }

 private:
  uint32_t delimiter_;
};

/// \w+|[^\w\s]+ : runs of word characters and runs of others; white space goes.
class WhitespacePreTokenizer : public PreTokenizer {
 public:
  void apply(PreTokenized& pre) const override {
    const CharFlags& flags = CharFlags::table();
    cut_all(pre, SplitBehavior::removed, false, [&flags](std::string_view text, size_t base, PieceSink& sink) {
      size_t begin = 0;
      int kind = -1;  // 0: white space, 1: word, 2: other
      for (size_t i = 0; i < text.size();) {
        const Utf8Step step = decode_utf8(text.data() + i, text.data() + text.size());
        const uint8_t bits = flags.of(step.code);
        const int now = bits & kWord ? 1 : bits & kSpace ? 0 : 2;
        if (now != kind && i > begin) sink.add(base + begin, base + i, kind == 0), begin = i;
        kind = now;
        i += static_cast<size_t>(step.length);
      }
      if (begin < text.size()) sink.add(base + begin, base + text.size(), kind == 0);
    });
  }
};

class SplitPreTokenizer : public PreTokenizer {
 public:
  SplitPreTokenizer(TextFinder finder, SplitBehavior behavior, bool invert)
      : finder_(std::move(finder)), behavior_(behavior), invert_(invert) {}
  void apply(PreTokenized& pre) const override {
    cut_all(pre, behavior_, invert_, [this](std::string_view text, size_t base, PieceSink& sink) {
      size_t rest = 0;
      finder_.each(text, [&](const MatchSpan& match) {
        if (rest < match.begin) sink.add(base + rest, base + match.begin, false);
        sink.add(base + match.begin, base + match.end, true);
        rest = match.end;
      });
      if (rest < text.size()) sink.add(base + rest, base + text.size(), false);
    });
  }

 private:
  TextFinder finder_;
  SplitBehavior behavior_;
  bool invert_;
};

class FixedLengthPreTokenizer : public PreTokenizer {
 public:
  explicit FixedLengthPreTokenizer(int64_t length) : length_(length) {}
  void apply(PreTokenized& pre) const override {
    cut_all(pre, SplitBehavior::isolated, false, [this](std::string_view text, size_t base, PieceSink& sink) {
      size_t begin = 0;
      int64_t count = 0;
      for (size_t i = 0; i < text.size();) {
        i += static_cast<size_t>(decode_utf8(text.data() + i, text.data() + text.size()).length);
        if (++count == length_ || i == text.size()) sink.add(base + begin, base + i, false), begin = i, count = 0;
      }
    });
  }

 private:
  int64_t length_;
};

/// Cuts where the script changes. Spaces go with either side, but those before the first character that has a script
/// are lost, as in Hugging Face's.
class UnicodeScriptsPreTokenizer : public PreTokenizer {
 public:
  void apply(PreTokenized& pre) const override {
    cut_all(pre, SplitBehavior::isolated, false, [](std::string_view text, size_t base, PieceSink& sink) {
      size_t begin = text.size();
      int last = -1;
      for (size_t i = 0; i < text.size();) {
        const Utf8Step step = decode_utf8(text.data() + i, text.data() + text.size());
        const int script = step.code == ' ' ? -1 : script_of(step.code);
        if (script >= 0 && script != last) {
          if (begin < i) sink.add(base + begin, base + i, false);
          begin = i;
          last = script;
        }
        i += static_cast<size_t>(step.length);
      }
      if (begin < text.size()) sink.add(base + begin, base + text.size(), false);
    });
  }
};

class MetaspacePreTokenizer : public PreTokenizer {
 public:
  explicit MetaspacePreTokenizer(const MetaspaceSettings& settings) : settings_(settings) {
    append_utf8(settings.replacement, mark_);
  }
  bool needs_origins() const override { return settings_.prepend == PrependScheme::first; }
  void apply(PreTokenized& pre) const override {
    AlignedText out = pre.text.like();
    out.bytes.reserve(pre.text.bytes.size() + pre.text.bytes.size() / 2);
    std::vector<Piece> pieces;
    PieceSink sink(out, SplitBehavior::merged_with_next, false, pieces);
    for (const Piece& piece : pre.pieces) {
      const size_t begin = out.bytes.size();
      append(pre.text, piece, out);
      if (!settings_.split) {
        pieces.push_back({begin, out.bytes.size(), out.tracked ? out.origins[begin].begin : 0});
        continue;
      }
      size_t rest = begin;
      for (size_t at = out.bytes.find(mark_, begin); at != std::string::npos; at = out.bytes.find(mark_, rest)) {
        if (rest < at) sink.add(rest, at, false);
        rest = at + mark_.size();
        sink.add(at, rest, true);
      }
      if (rest < out.bytes.size()) sink.add(rest, out.bytes.size(), false);
      sink.finish();
    }
    pre.text = std::move(out);
    pre.pieces = std::move(pieces);
  }

 private:
  void append(const AlignedText& from, const Piece& piece, AlignedText& out) const {
    const std::string_view text = std::string_view(from.bytes).substr(piece.begin, piece.end - piece.begin);
    const bool has_mark = text.front() == ' ' || text.substr(0, mark_.size()) == mark_;
    const bool prepends =
        settings_.prepend == PrependScheme::always || (settings_.prepend == PrependScheme::first && piece.shift == 0);
    const auto put_mark = [&](size_t at) {
      out.bytes += mark_;
      if (out.tracked) out.origins.insert(out.origins.end(), mark_.size(), from.origins[at]);
    };
    if (!has_mark && prepends) put_mark(piece.begin);
    Rewriter copy(from, piece.begin, piece.end, piece.shift, out);
    for (size_t at = 0; at < text.size();) {
      const size_t space = std::min(text.find(' ', at), text.size());
      copy.copy(space - at);
      if (space < text.size()) put_mark(piece.begin + space), copy.skip_bytes(1);
      at = space + 1;
    }
  }

  MetaspaceSettings settings_;
  std::string mark_;
};

SplitBehavior read_behavior(const ComponentFields& f, std::optional<int> otherwise = {}) {
  return static_cast<SplitBehavior>(
      f.choice("behavior", {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}, otherwise));
}

void add_pre_tokenizer(const ComponentFields& f, std::vector<std::unique_ptr<const PreTokenizer>>& out) {
  const auto chars = [&out](CharFlag flag, SplitBehavior behavior) {
    out.push_back(std::make_unique<CharSplitPreTokenizer>(flag, behavior));
  };
  const std::string type = f.type();
  if (type == "Sequence") {
    f.only({"pretokenizers"});
    for (const ComponentFields& part : f.list("pretokenizers")) add_pre_tokenizer(part, out);
  } else if (type == "ByteLevel") {
    out.push_back(std::make_unique<ByteLevelPreTokenizer>(read_byte_level(f)));
  } else if (type == "Metaspace") {
    out.push_back(std::make_unique<MetaspacePreTokenizer>(read_metaspace(f)));
  } else if (type == "Split") {
    f.only({"pattern", "behavior", "invert"});
    out.push_back(std::make_unique<SplitPreTokenizer>(read_finder(f), read_behavior(f), f.flag("invert", false)));
  } else if (type == "BertPreTokenizer") {
    f.only({});
    chars(kSpace, SplitBehavior::removed);
    chars(kPunctuation, SplitBehavior::isolated);
  } else if (type == "Digits") {
    f.only({"individual_digits"});
    chars(kNumeric, f.flag("individual_digits", false) ? SplitBehavior::isolated : SplitBehavior::contiguous);
  } else if (type == "Punctuation") {
    f.only({"behavior"});
    chars(kPunctuation, read_behavior(f, static_cast<int>(SplitBehavior::isolated)));
  } else if (type == "Whitespace") {
    f.only({});
    out.push_back(std::make_unique<WhitespacePreTokenizer>());
  } else if (type == "WhitespaceSplit") {
    f.only({});
    chars(kSpace, SplitBehavior::removed);
  } else if (type == "CharDelimiterSplit" || type == "Delimiter") {
    f.only({"delimiter"});
    out.push_back(std::make_unique<DelimiterPreTokenizer>(f.character("delimiter")));
  } else if (type == "UnicodeScripts") {
    f.only({});
    out.push_back(std::make_unique<UnicodeScriptsPreTokenizer>());
  } else if (type == "FixedLength") {
    f.only({"length"});
    out.push_back(std::make_unique<FixedLengthPreTokenizer>(f.integer("length", 1, int64_t{1} << 40, 5)));
  } else if (!type.empty()) {
    f.unknown_type(
        "ByteLevel, Metaspace, Split, BertPreTokenizer, Digits, Punctuation, Whitespace, WhitespaceSplit, "
        "CharDelimiterSplit, UnicodeScripts, FixedLength, Sequence");
  }
}

}  // namespace

void ByteLevelPreTokenizer::cut(PreTokenized& pre) const {
  if (settings_.add_prefix_space) {
    AlignedText out = pre.text.like();
    for (Piece& piece : pre.pieces) {
      const size_t begin = out.bytes.size();
      append_prefixed(pre.text, piece, pre.text.bytes[piece.begin] == ' ' ? "" : " ", out);
      piece.begin = begin, piece.end = out.bytes.size();
    }
    pre.text = std::move(out);
  }
  if (!settings_.use_regex) return;
  cut_all(pre, SplitBehavior::isolated, false, [](std::string_view text, size_t base, PieceSink& sink) {
    const char *begin = text.data(), *end = begin + text.size();
    const Gpt2Splitter splitter(end);
    for (const char* p = begin; p < end;) {
      const char* next = splitter.next(p);
      sink.add(base + static_cast<size_t>(p - begin), base + static_cast<size_t>(next - begin), true);
      p = next;
    }
  });
}

void ByteLevelPreTokenizer::apply(PreTokenized& pre) const {
  cut(pre);
  AlignedText out = pre.text.like();
  out.bytes.reserve(pre.text.bytes.size() * 2);
  for (Piece& piece : pre.pieces) {
    const size_t begin = out.bytes.size();
    append_spelled(pre.text, piece, out);
    piece.begin = begin, piece.end = out.bytes.size();
  }
  pre.text = std::move(out);
}

ByteLevelSettings read_byte_level(const ComponentFields& f) {
  f.only({"add_prefix_space", "trim_offsets", "use_regex"});
  return {f.flag("add_prefix_space"), f.flag("trim_offsets"), f.flag("use_regex", true)};
}

MetaspaceSettings read_metaspace(const ComponentFields& f) {
  f.only({"replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
  MetaspaceSettings settings;
  settings.replacement = f.character("replacement");
  const bool adds = !f.has("add_prefix_space") || f.flag("add_prefix_space");
  settings.prepend = static_cast<PrependScheme>(f.choice("prepend_scheme", {"always", "first", "never"}, adds ? 0 : 2));
  if (!adds && settings.prepend != PrependScheme::never)
    f.wrong("has add_prefix_space false and prepend_scheme not never");
  settings.split = !f.has("split") || f.flag("split");
  return settings;
}

std::vector<std::unique_ptr<const PreTokenizer>> read_pre_tokenizer(const ComponentFields& fields) {
  std::vector<std::unique_ptr<const PreTokenizer>> steps;
  add_pre_tokenizer(fields, steps);
  return steps;
}

}  // namespace gradus
