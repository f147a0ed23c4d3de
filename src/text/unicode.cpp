#include "text/unicode.h"

#include <algorithm>
#include <cstring>

#include "text/unicode_tables.h"

namespace gradus {

Utf8Step decode_any_utf8(const char* p, const char* end) {
  const auto byte = [p](int i) { return static_cast<uint32_t>(static_cast<unsigned char>(p[i])); };
  const auto follows = [p, end](int i, uint32_t low = 0x80, uint32_t high = 0xBF) {
    return end - p > i && static_cast<unsigned char>(p[i]) >= low && static_cast<unsigned char>(p[i]) <= high;
  };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {kInvalidUtf8, 1};
  if (lead < 0xE0) {
    if (!follows(1)) return {kInvalidUtf8, 1};
    return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  }
  // The second byte's range shuts out overlong forms, surrogates and values above U+10FFFF.
  if (lead < 0xF0) {
    if (!follows(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF)) return {kInvalidUtf8, 1};
    if (!follows(2)) return {kInvalidUtf8, 2};
    return {(lead & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  }
  if (!follows(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF)) return {kInvalidUtf8, 1};
  if (!follows(2)) return {kInvalidUtf8, 2};
  if (!follows(3)) return {kInvalidUtf8, 3};
  return {(lead & 0x7) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

Utf8Step decode_utf8_before(const char* begin, const char* p) {
  for (int back = 1; back <= 4 && p - back >= begin; ++back) {
    const Utf8Step step = decode_utf8(p - back, p);
    if (step.code != kInvalidUtf8 && step.length == back) return step;
  }
  return {kInvalidUtf8, 1};
}

void append_utf8(uint32_t code, std::string& out) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  }
}

bool is_valid_utf8(std::string_view text) {
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    if (static_cast<unsigned char>(*p) < 0x80) {
      while (end - p >= 8 && is_ascii_text({p, 8})) p += 8;
      while (p < end && static_cast<unsigned char>(*p) < 0x80) ++p;
      continue;
    }
    const Utf8Step step = decode_utf8(p, end);
    if (step.code == kInvalidUtf8) return false;
    p += step.length;
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char *p = text.data(), *end = p + text.size(); p < end;) {
    const Utf8Step step = decode_utf8(p, end);
    if (step.code == kInvalidUtf8)
      out += "\xEF\xBF\xBD";
    else
      out.append(p, static_cast<size_t>(step.length));
    p += step.length;
  }
  return out;
}

size_t incomplete_utf8_tail(std::string_view text) {
  const char* end = text.data() + text.size();
  for (size_t n = 1; n <= 3 && n <= text.size(); ++n) {
    const unsigned char lead = static_cast<unsigned char>(end[-static_cast<ptrdiff_t>(n)]);
    if (lead < 0x80) return 0;
    if (lead < 0xC0) continue;  // a continuation byte: the lead stands further left
    const size_t whole = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const Utf8Step step = decode_utf8(end - n, end);
    return step.code == kInvalidUtf8 && static_cast<size_t>(step.length) == n && n < whole && lead >= 0xC2 &&
                   lead <= 0xF4
               ? n
               : 0;
  }
  return 0;
}

const CharClasses& CharClasses::table() {
  static const CharClasses classes;
  return classes;
}

CharClasses::CharClasses() {
  namespace tables = unicode_tables;
  const auto mark = [this](const tables::Range* ranges, int count, CharClass value) {
    for (int i = 0; i < count; ++i)
      for (uint32_t code = ranges[i].first; code <= ranges[i].last; ++code)
        packed_[code >> 2] |= static_cast<uint8_t>(static_cast<unsigned>(value) << ((code & 3) * 2));
  };
  mark(tables::letter, tables::letter_count, CharClass::letter);
  mark(tables::number, tables::number_count, CharClass::number);
  mark(tables::space, tables::space_count, CharClass::space);
}

const CharFlags& CharFlags::table() {
  static const CharFlags flags;
  return flags;
}

CharFlags::CharFlags() {
  namespace tables = unicode_tables;
  const auto mark = [this](const tables::Range* ranges, int count, CharFlag flag) {
    for (int i = 0; i < count; ++i)
      for (uint32_t code = ranges[i].first; code <= ranges[i].last; ++code) flags_[code] |= flag;
  };
  mark(tables::word, tables::word_count, kWord);
  mark(tables::punctuation, tables::punctuation_count, kPunctuation);
  mark(tables::numeric, tables::numeric_count, kNumeric);
  mark(tables::mark, tables::mark_count, kMark);
  mark(tables::nonspacing, tables::nonspacing_count, kNonspacing);
  mark(tables::control, tables::control_count, kControl);
  mark(tables::normalizes, tables::normalizes_count, kNormalizes);
  mark(tables::space, tables::space_count, kSpace);
}

namespace {
/// The range that holds `code`, or null.
template <class Range>
const Range* range_of(const Range* begin, int count, uint32_t code) {
  const Range* after =
      std::upper_bound(begin, begin + count, code, [](uint32_t c, const Range& r) { return c < r.first; });
  return after != begin && code <= after[-1].last ? after - 1 : nullptr;
}
}  // namespace

uint32_t lowercase_char(uint32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
  if (code == 0x130) return 'i';
  const auto* range = range_of(unicode_tables::lowercase, unicode_tables::lowercase_count, code);
  if (!range || (code - range->first) % static_cast<uint32_t>(range->step) != 0) return code;
  return code + static_cast<uint32_t>(range->difference);
}

int script_of(uint32_t code) {
  const auto* range = range_of(unicode_tables::script, unicode_tables::script_count, code);
  return range ? range->label : -1;
}

bool is_ascii_text(std::string_view text) {
  const char *p = text.data(), *end = p + text.size();
  uint64_t word;
  for (; end - p >= 8; p += 8) {
    std::memcpy(&word, p, 8);
    if (word & 0x8080808080808080u) return false;
  }
  for (; p < end; ++p)
    if (static_cast<unsigned char>(*p) >= 0x80) return false;
  return true;
}

}  // namespace gradus
