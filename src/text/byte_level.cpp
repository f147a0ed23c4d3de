#include "text/byte_level.h"

#include <array>
#include <bit>

namespace gradus {

namespace {
struct Alphabet {
  std::array<uint16_t, 256> chars{};
  std::array<int16_t, 324> bytes{};  // 256 + 68 characters

  constexpr Alphabet() {
    bytes.fill(-1);
    uint16_t next = 256;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      chars[b] = printable ? static_cast<uint16_t>(b) : next++;
      bytes[chars[b]] = static_cast<int16_t>(b);
    }
  }
};
constexpr Alphabet kAlphabet;

constexpr std::array<CharClass, 128> ascii_classes() {
  std::array<CharClass, 128> table{};
  for (unsigned c = 0; c < 128; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    table[c] = letter                 ? CharClass::letter
               : c >= '0' && c <= '9' ? CharClass::number
               : space                ? CharClass::space
                                      : CharClass::other;
  }
  return table;
}
constexpr std::array<CharClass, 128> kAscii = ascii_classes();
constexpr bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
}  // namespace

uint32_t byte_to_char(unsigned char byte) { return kAlphabet.chars[byte]; }
int char_to_byte(uint32_t code) { return code < kAlphabet.bytes.size() ? kAlphabet.bytes[code] : -1; }

std::string spell_bytes(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char b : bytes) append_utf8(byte_to_char(static_cast<unsigned char>(b)), out);
  return out;
}

void append_spelled(const AlignedText& from, const Piece& piece, AlignedText& out) {
  for (size_t i = piece.begin; i < piece.end; ++i) {
    const size_t before = out.bytes.size();
    append_utf8(byte_to_char(static_cast<unsigned char>(from.bytes[i])), out.bytes);
    if (out.tracked) out.origins.insert(out.origins.end(), out.bytes.size() - before, from.origins[i]);
  }
}

std::string unspell_token(std::string_view token) {
  std::string out;
  for (const char *p = token.data(), *end = p + token.size(); p < end;) {
    const Utf8Step step = decode_utf8(p, end);
    const int byte = char_to_byte(step.code);
    if (byte < 0) return std::string(token);
    out.push_back(static_cast<char>(byte));
    p += step.length;
  }
  return out;
}

namespace {
/// How many of the eight characters at `p` are ASCII letters before the first that is not, without a branch for each.
int leading_letters(const char* p) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  uint64_t word = 0;
  for (int i = 0; i < 8; ++i) word |= static_cast<uint64_t>(static_cast<unsigned char>(p[i])) << (8 * i);
  // Each byte's top bit: it has no top bit itself, and in lower case lies in 'a' … 'z'.
  const uint64_t lower = (word | kOnes * 0x20) & kOnes * 0x7F;
  const uint64_t from_a = lower + kOnes * (0x80 - 'a'), behind_z = lower + kOnes * (0x80 - 'z' - 1);
  const uint64_t others = ~((from_a ^ behind_z) & ~word) & kOnes * 0x80;
  return others == 0 ? 8 : std::countr_zero(others) / 8;
}
}  // namespace

const char* Gpt2Splitter::skip(const char* p, CharClass wanted) const {
  if (wanted == CharClass::letter) {
    while (end_ - p >= 8) {
      const int letters = leading_letters(p);
      p += letters;
      if (letters < 8) break;
    }
  }
  while (p < end_) {
    if (is_ascii(*p)) {
      if (kAscii[static_cast<size_t>(*p)] != wanted) break;
      ++p;
    } else {
      int length;
      if (class_at(p, length) != wanted) break;
      p += length;
    }
  }
  return p;
}

// \s+(?!\S)|\s+ : a run of white space leaves its last character to what follows, unless it has only one.
const char* Gpt2Splitter::next_spaces(const char* p, int first_length) const {
  const char *last = p, *q = p + first_length;
  int length;
  while (q < end_ && class_at(q, length) == CharClass::space) last = q, q += length;
  return q == end_ || last == p ? q : last;
}

const char* Gpt2Splitter::next(const char* p) const {
  const ptrdiff_t left = end_ - p;
  if (*p == '\'' && left > 1) {
    const char a = p[1], b = left > 2 ? p[2] : '\0';
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return p + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return p + 3;
  }
  const char* run = p;
  if (*p == ' ') {
    if (left == 1) return end_;
    ++run;
  }
  int length = 1;
  const CharClass first = is_ascii(*run) ? kAscii[static_cast<size_t>(*run)] : class_at(run, length);
  if (first == CharClass::space) return next_spaces(p, run == p ? length : 1);
  return skip(run + length, first);
}

}  // namespace gradus
