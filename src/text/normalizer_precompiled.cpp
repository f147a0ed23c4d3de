// The character map of a SentencePiece model ("precompiled_charsmap"): a double-array trie (Aoe 1989, in the layout of
// the darts-clone library) from text to places in a list of replacements that end in a zero byte.
#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "text/base64.h"
#include "text/normal_form.h"
#include "text/normalizer.h"

namespace gradus {

namespace {

class CharacterMap {
 public:
  CharacterMap(std::vector<uint32_t> units, std::string replacements)
      : units_(std::move(units)), replacements_(std::move(replacements)) {}

  /// What stands for the shortest key that `text` begins with, however long the text.
  std::optional<std::string_view> find(std::string_view text) const {
    size_t at = 0;
    if (units_.empty()) return std::nullopt;
    at ^= offset(units_[0]);
    for (char c : text) {
      const uint32_t byte = static_cast<unsigned char>(c);
      if (byte == 0) return std::nullopt;
      at ^= byte;
      if (at >= units_.size()) return std::nullopt;
      const uint32_t unit = units_[at];
      if ((unit & 0x800000FFu) != byte) return std::nullopt;
      at ^= offset(unit);
      if (at >= units_.size()) return std::nullopt;
      if (unit >> 8 & 1) {
        const size_t begin = units_[at] & 0x7FFFFFFFu;
        if (begin > replacements_.size()) return std::nullopt;
        const size_t end = std::min(replacements_.find('\0', begin), replacements_.size());
        return std::string_view(replacements_).substr(begin, end - begin);
      }
    }
    return std::nullopt;
  }

 private:
  static size_t offset(uint32_t unit) { return static_cast<size_t>(unit >> 10) << ((unit & 0x200u) >> 6); }
  std::vector<uint32_t> units_;
  std::string replacements_;
};

int count_chars(std::string_view text) {
  int n = 0;
  for (char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

class PrecompiledNormalizer : public Normalizer {
 public:
  explicit PrecompiledNormalizer(CharacterMap map) : map_(std::move(map)) {}
  void apply(AlignedText& text) const override {
    std::vector<NormalizedChar> chars;
    chars.reserve(text.bytes.size());
    const char *p = text.bytes.data(), *end = p + text.bytes.size();
    while (p < end) {
      const char* next = cluster_end(p, end);
      const std::string_view cluster(p, static_cast<size_t>(next - p));
      // Short clusters are looked up whole, others one character at a time.
      if (cluster.size() >= 6 || !replace(cluster, chars)) {
        while (p < next) {
          const Utf8Step step = decode_utf8(p, next);
          if (!replace({p, static_cast<size_t>(step.length)}, chars)) chars.push_back({step.code, 0});
          p += step.length;
        }
      }
      p = next;
    }
    AlignedText out = text.like();
    out.bytes.reserve(text.bytes.size());
    Rewriter rewriter(text, 0, text.bytes.size(), text.shift, out);
    for (const NormalizedChar& c : chars) rewriter.put(c.code, c.change);
    text = std::move(out);
  }

 private:
  /// The end of the grapheme cluster at `p` (UAX #29).
  static const char* cluster_end(const char* p, const char* end) {
    Utf8Step last = decode_utf8(p, end);
    utf8proc_int32_t state = 0;
    for (p += last.length; p < end; p += last.length) {
      const Utf8Step step = decode_utf8(p, end);
      const bool ascii = last.code < 0x80 && step.code < 0x80;
      const bool breaks = ascii ? !(last.code == '\r' && step.code == '\n')
                                : utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(last.code),
                                                                   static_cast<utf8proc_int32_t>(step.code), &state);
      if (breaks) return p;
      last = step;
    }
    return end;
  }

  /// The last characters of a longer replacement are new; the last one of a shorter takes what is left of the part, or
  /// where there is none, the character before it does.
  bool replace(std::string_view part, std::vector<NormalizedChar>& chars) const {
    const auto found = map_.find(part);
    if (!found) return false;
    for (const char *p = found->data(), *end = p + found->size(); p < end;) {
      const Utf8Step step = decode_utf8(p, end);
      chars.push_back({step.code == kInvalidUtf8 ? 0xFFFD : step.code, 0});
      p += step.length;
    }
    const int change = count_chars(*found) - count_chars(part);
    if (change < 0 && !chars.empty()) chars.back().change += change;
    for (int i = 0; i < change && i < static_cast<int>(chars.size()); ++i) chars[chars.size() - 1 - i].change = 1;
    return true;
  }

  CharacterMap map_;
};

}  // namespace

std::unique_ptr<const Normalizer> read_precompiled(const ComponentFields& f) {
  const auto text = f.optional_text("precompiled_charsmap");
  if (!text || text->empty()) return nullptr;
  const auto blob = decode_base64(*text);
  uint32_t size = 0;
  if (!blob || blob->size() < 4) f.wrong("has a precompiled_charsmap that is not base64");
  std::memcpy(&size, blob->data(), 4);
  if (size % 4 != 0 || size > blob->size() - 4)
    f.wrong("has a precompiled_charsmap whose trie of " + std::to_string(size) + " bytes is longer than the whole");
  std::vector<uint32_t> units(size / 4);
  std::memcpy(units.data(), blob->data() + 4, size);
  return std::make_unique<PrecompiledNormalizer>(CharacterMap(std::move(units), blob->substr(4 + size)));
}

}  // namespace gradus
