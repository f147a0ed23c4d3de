#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gradus {

/// One step through UTF-8 text. Invalid bytes come out as a step of their own, with code kInvalidUtf8, whose length is
/// the "maximal subpart" that Unicode (section 3.9) replaces by one U+FFFD.
struct Utf8Step {
  uint32_t code;
  int length;
};
constexpr uint32_t kInvalidUtf8 = 0xFFFFFFFFu;

/// The step at `p` < `end`, whatever is there.
Utf8Step decode_any_utf8(const char* p, const char* end);
/// The same, with a short way for ASCII and for most characters of three bytes.
inline Utf8Step decode_utf8(const char* p, const char* end) {
  const uint32_t lead = static_cast<unsigned char>(*p);
  if (lead < 0x80) return {lead, 1};
  if (lead > 0xE0 && lead < 0xED && end - p > 2) {
    const uint32_t second = static_cast<unsigned char>(p[1]), third = static_cast<unsigned char>(p[2]);
    if ((second & 0xC0) == 0x80 && (third & 0xC0) == 0x80)
      return {(lead & 0xF) << 12 | (second & 0x3F) << 6 | (third & 0x3F), 3};
  }
  return decode_any_utf8(p, end);
}
void append_utf8(uint32_t code, std::string& out);
bool is_valid_utf8(std::string_view text);
/// Every invalid subpart becomes U+FFFD, as String::from_utf8_lossy of Rust and bytes.decode("utf-8", "replace") do.
std::string replace_invalid_utf8(std::string_view text);
/// Bytes at the end of `text` that begin a valid character which is not complete yet (0 to 3).
size_t incomplete_utf8_tail(std::string_view text);

/// What the GPT-2 pattern tells apart: \p{L}, \p{N}, \s and the rest. Unicode 16.0, equal to Hugging Face tokenizers
/// 0.23 on every code point; invalid bytes are `other`.
enum class CharClass : uint8_t { other, letter, number, space };

/// Two bits for each of the 0x110000 code points.
class CharClasses {
 public:
  static const CharClasses& table();
  CharClass of(uint32_t code) const {
    return code < 0x110000u ? static_cast<CharClass>(packed_[code >> 2] >> ((code & 3) * 2) & 3) : CharClass::other;
  }

 private:
  CharClasses();
  uint8_t packed_[0x110000 / 4] = {};
};

/// What Hugging Face tokenizers' components ask of a character; see tools/make_unicode_tables.py.
enum CharFlag : uint8_t {
  kWord = 1,         ///< \w: letters, marks, decimal numbers, connector punctuation, joiners
  kPunctuation = 2,  ///< categories P, and all ASCII punctuation
  kNumeric = 4,      ///< categories N
  kMark = 8,         ///< categories M
  kNonspacing = 16,  ///< category Mn
  kControl = 32,     ///< categories Cc, Cf, Co, without tab and line breaks
  kNormalizes = 64,  ///< has a decomposition or a combining class; Hangul syllables are left out
  kSpace = 128,      ///< White_Space
};

/// The flags of each of the 0x110000 code points.
class CharFlags {
 public:
  static const CharFlags& table();
  uint8_t of(uint32_t code) const { return code < 0x110000u ? flags_[code] : 0; }
  bool is(uint32_t code, CharFlag flag) const { return (of(code) & flag) != 0; }

 private:
  CharFlags();
  uint8_t flags_[0x110000] = {};
};

inline bool is_word_char(uint32_t code) { return CharFlags::table().is(code, kWord); }
/// The lower case of one character; U+0130 alone becomes two, of which this is the first (the second is U+0307).
uint32_t lowercase_char(uint32_t code);
/// A number for each script, where Hiragana, Katakana and Han are one; -1 for characters that go with any script.
int script_of(uint32_t code);
bool is_ascii_text(std::string_view text);
/// The class and the length of the character before `p`, for text that is valid UTF-8 there; an invalid byte counts
/// alone.
Utf8Step decode_utf8_before(const char* begin, const char* p);

}  // namespace gradus
