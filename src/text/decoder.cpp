#include "text/decoder.h"

#include <algorithm>
#include <utility>

#include "text/byte_level.h"
#include "text/pre_tokenizer.h"
#include "text/regex.h"
#include "text/unicode.h"
#include "text/word_model.h"

namespace gradus {

namespace {

void replace_every(std::string& text, std::string_view pattern, std::string_view by) {
  if (pattern.empty() || text.find(pattern) == text.npos) return;
  std::string out;
  size_t at = 0;
  for (size_t found = text.find(pattern); found != text.npos; found = text.find(pattern, at)) {
    out.append(text, at, found - at);
    out += by;
    at = found + pattern.size();
  }
  text = out.append(text, at);
}

/// Takes out the blanks that English tokenizers put before punctuation and short forms.
void clean_up(std::string& text) {
  if (text.find(' ') == text.npos) return;
  static constexpr std::pair<const char*, const char*> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) replace_every(text, from, to);
}

class ByteLevelDecoder : public Decoder {
 public:
  bool gives_bytes() const override { return true; }
  void apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += unspell_token(token);
    tokens = {std::move(all)};
  }
};

class WordPieceDecoder : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) {
        if (tokens[i].compare(0, prefix_.size(), prefix_) == 0)
          tokens[i].erase(0, prefix_.size());
        else
          tokens[i].insert(0, 1, ' ');
      }
      if (cleanup_) clean_up(tokens[i]);
    }
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

class MetaspaceDecoder : public Decoder {
 public:
  explicit MetaspaceDecoder(const MetaspaceSettings& settings) : prepends_(settings.prepend != PrependScheme::never) {
    append_utf8(settings.replacement, mark_);
  }
  void apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) replace_every(tokens[i], mark_, i == 0 && prepends_ ? "" : " ");
  }

 private:
  std::string mark_;
  bool prepends_;
};

class BpeDecoder : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) replace_every(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
  }

 private:
  std::string suffix_;
};

/// Connectionist temporal classification (Graves et al. 2006): repeated tokens are one, the pad token is a pause.
class CtcDecoder : public Decoder {
 public:
  CtcDecoder(std::string pad, std::string delimiter, bool cleanup)
      : pad_(std::move(pad)), delimiter_(std::move(delimiter)), cleanup_(cleanup) {}
  void apply(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_every(token, pad_, "");
      if (!cleanup_) continue;
      clean_up(token);
      replace_every(token, delimiter_, " ");
    }
    std::erase_if(tokens, [](const std::string& token) { return token.empty(); });
  }

 private:
  std::string pad_, delimiter_;
  bool cleanup_;
};

/// Runs of tokens <0xNN> become the characters that the bytes spell, or one U+FFFD a byte when they spell none.
class ByteFallbackDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&out, &bytes] {
      if (bytes.empty()) return;
      if (is_valid_utf8(bytes))
        out.push_back(bytes);
      else
        out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
      bytes.clear();
    };
    for (std::string& token : tokens) {
      const int byte = fallback_byte(token);
      if (byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens = std::move(out);
  }
};

class FuseDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens = {std::move(all)};
  }
};

/// Takes up to `start` of a character from each token's beginning, and up to `stop` from its end.
class StripDecoder : public Decoder {
 public:
  StripDecoder(uint32_t content, int64_t start, int64_t stop) : start_(start), stop_(stop) {
    append_utf8(content, content_);
  }
  void apply(std::vector<std::string>& tokens) const override {
    const size_t n = content_.size();
    for (std::string& token : tokens) {
      size_t begin = 0, end = token.size();
      for (int64_t i = 0; i < start_ && token.compare(begin, n, content_) == 0; ++i) begin += n;
      for (int64_t i = 0; i < stop_ && end - begin >= n && token.compare(end - n, n, content_) == 0; ++i) end -= n;
      token = token.substr(begin, end - begin);
    }
  }

 private:
  std::string content_;
  int64_t start_, stop_;
};

class ReplaceDecoder : public Decoder {
 public:
  ReplaceDecoder(TextFinder finder, std::string content) : finder_(std::move(finder)), content_(std::move(content)) {}
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<MatchSpan> matches;
    for (std::string& token : tokens) {
      matches.clear();
      // A token can hold bytes that a ByteLevel step before this one gave.
      if (!is_valid_utf8(token)) token = replace_invalid_utf8(token);
      finder_.find_all(token, matches);
      if (matches.empty()) continue;
      std::string out;
      size_t at = 0;
      for (const MatchSpan& match : matches) {
        out.append(token, at, match.begin - at);
        out += content_;
        at = match.end;
      }
      token = out.append(token, at);
    }
  }

 private:
  TextFinder finder_;
  std::string content_;
};

void add_decoder(const ComponentFields& f, std::vector<std::unique_ptr<const Decoder>>& out) {
  const std::string type = f.type();
  if (type == "Sequence") {
    f.only({"decoders"});
    for (const ComponentFields& part : f.list("decoders")) add_decoder(part, out);
  } else if (type == "ByteLevel") {
    read_byte_level(f);
    out.push_back(std::make_unique<ByteLevelDecoder>());
  } else if (type == "WordPiece") {
    f.only({"prefix", "cleanup"});
    out.push_back(std::make_unique<WordPieceDecoder>(f.text("prefix"), f.flag("cleanup")));
  } else if (type == "Metaspace") {
    out.push_back(std::make_unique<MetaspaceDecoder>(read_metaspace(f)));
  } else if (type == "BPEDecoder") {
    f.only({"suffix"});
    out.push_back(std::make_unique<BpeDecoder>(f.text("suffix")));
  } else if (type == "CTC") {
    f.only({"pad_token", "word_delimiter_token", "cleanup"});
    out.push_back(std::make_unique<CtcDecoder>(f.text("pad_token"), f.text("word_delimiter_token"), f.flag("cleanup")));
  } else if (type == "ByteFallback") {
    f.only({});
    out.push_back(std::make_unique<ByteFallbackDecoder>());
  } else if (type == "Fuse") {
    f.only({});
    out.push_back(std::make_unique<FuseDecoder>());
  } else if (type == "Strip") {
    f.only({"content", "start", "stop"});
    const int64_t most = int64_t{1} << 53;
    out.push_back(std::make_unique<StripDecoder>(f.character("content"), f.integer("start", 0, most),
                                                 f.integer("stop", 0, most)));
  } else if (type == "Replace") {
    f.only({"pattern", "content"});
    out.push_back(std::make_unique<ReplaceDecoder>(read_finder(f), f.text("content")));
  } else if (!type.empty()) {
    f.unknown_type("ByteLevel, WordPiece, Metaspace, BPEDecoder, CTC, ByteFallback, Fuse, Strip, Replace, Sequence");
  }
}

}  // namespace

std::vector<std::unique_ptr<const Decoder>> read_decoder(const ComponentFields& fields) {
  std::vector<std::unique_ptr<const Decoder>> steps;
  add_decoder(fields, steps);
  return steps;
}

}  // namespace gradus
