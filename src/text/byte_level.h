#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "text/aligned_text.h"
#include "text/unicode.h"

namespace gradus {

/// The byte-level alphabet of GPT-2 (Radford et al. 2019): each byte is spelled by one printable character, so that any
/// text can stand in a vocabulary file. 33-126, 161-172 and 174-255 spell themselves; the other 68 are 256, 257, …
uint32_t byte_to_char(unsigned char byte);
/// The byte that a character spells, or -1.
int char_to_byte(uint32_t code);
std::string spell_bytes(std::string_view bytes);
/// Writes a piece of one text behind another, each byte spelled.
void append_spelled(const AlignedText& from, const Piece& piece, AlignedText& out);
/// The bytes that a token spells. A token with a character outside the alphabet stands for its own UTF-8 bytes.
std::string unspell_token(std::string_view token);

/// Cuts text as GPT-2 does, into pieces that cover it:
///   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// Where the next piece ends depends only on the text from its beginning on.
class Gpt2Splitter {
 public:
  explicit Gpt2Splitter(const char* end) : classes_(CharClasses::table()), end_(end) {}
  /// The end of the piece that begins at `p` < end.
  const char* next(const char* p) const;

 private:
  CharClass class_at(const char* p, int& length) const {
    const Utf8Step step = decode_utf8(p, end_);
    length = step.length;
    return classes_.of(step.code);
  }
  const char* skip(const char* p, CharClass wanted) const;
  const char* next_spaces(const char* p, int first_length) const;

  const CharClasses& classes_;
  const char* end_;
};

}  // namespace gradus
