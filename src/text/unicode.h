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

/// The step at `p` < `end`.
Utf8Step decode_utf8(const char* p, const char* end);
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

/// \w: letters, marks, decimal numbers, connector punctuation, joiners.
bool is_word_char(uint32_t code);
/// The class and the length of the character before `p`, for text that is valid UTF-8 there; an invalid byte counts
/// alone.
Utf8Step decode_utf8_before(const char* begin, const char* p);

enum class NormalForm : uint8_t { none, nfc, nfd, nfkc, nfkd };
/// Unicode normalisation; invalid bytes pass through unchanged.
std::string normalize(std::string_view text, NormalForm form);

}  // namespace gradus
