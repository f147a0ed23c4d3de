#include "text/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <unordered_map>

#include "text/unicode.h"
#include "text/unicode_tables.h"

namespace gradus {

namespace {

// Hangul syllables follow from arithmetic (The Unicode Standard, section 3.12).
constexpr uint32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11A7;
constexpr uint32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28, kSyllableCount = 11172;
constexpr int kLongestDecomposition = 18;  // U+FDFA

bool is_syllable(uint32_t code) { return code - kSyllables < kSyllableCount; }

/// Writes the full decomposition of a character and returns its length.
int decompose_char(uint32_t code, bool compatible, uint32_t* out) {
  if (is_syllable(code)) {
    const uint32_t s = code - kSyllables, tail = s % kTailCount;
    out[0] = kLeads + s / (kVowelCount * kTailCount);
    out[1] = kVowels + s % (kVowelCount * kTailCount) / kTailCount;
    out[2] = kTails + tail;
    return tail != 0 ? 3 : 2;
  }
  out[0] = code;
  if (code < 0x80 || !CharFlags::table().is(code, kNormalizes)) return 1;
  utf8proc_int32_t buffer[kLongestDecomposition];
  int boundary = 0;
  const int options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
  const auto length = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), buffer, kLongestDecomposition,
                                              static_cast<utf8proc_option_t>(options), &boundary);
  if (length < 1 || length > kLongestDecomposition) return 1;
  std::copy_n(buffer, length, out);
  return static_cast<int>(length);
}

int combining_class(uint32_t code) {
  if (code < 0x300 || !CharFlags::table().is(code, kNormalizes)) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(code))->combining_class;
}

/// Pairs of characters and the one they make: the primary composites.
class Compositions {
 public:
  static const Compositions& table() {
    static const Compositions compositions;
    return compositions;
  }
  /// 0 when the two do not compose.
  uint32_t of(uint32_t first, uint32_t second) const {
    if (first - kLeads < kLeadCount && second - kVowels < kVowelCount)
      return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTailCount;
    if (is_syllable(first) && (first - kSyllables) % kTailCount == 0 && second - kTails - 1 < kTailCount - 1)
      return first + (second - kTails);
    if (second < 0x300 || !may_follow_[second % kFilter]) return 0;
    const auto at = pairs_.find(static_cast<uint64_t>(first) << 32 | second);
    return at == pairs_.end() ? 0 : at->second;
  }

 private:
  Compositions() {
    namespace tables = unicode_tables;
    for (int i = 0; i < tables::normalizes_count; ++i)
      for (uint32_t code = tables::normalizes[i].first; code <= tables::normalizes[i].last; ++code) add(code);
  }
  void add(uint32_t code) {
    // Whatever utf8proc composes back out of its own decomposition is a primary composite.
    uint32_t parts[kLongestDecomposition];
    const int n = decompose_char(code, false, parts);
    if (n < 2) return;
    utf8proc_int32_t buffer[kLongestDecomposition];
    const auto composed = [&](int count) {
      std::copy_n(parts, count, buffer);
      const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
      return utf8proc_normalize_utf32(buffer, count, options) == 1 ? static_cast<uint32_t>(buffer[0]) : 0;
    };
    if (composed(n) != code) return;
    const uint32_t first = n == 2 ? parts[0] : composed(n - 1);
    if (first == 0) return;
    pairs_.emplace(static_cast<uint64_t>(first) << 32 | parts[n - 1], code);
    may_follow_[parts[n - 1] % kFilter] = true;
  }
  static constexpr uint32_t kFilter = 4096;
  std::unordered_map<uint64_t, uint32_t> pairs_;
  bool may_follow_[kFilter] = {};
};

/// Decomposes and puts marks into canonical order.
void decompose_text(std::string_view text, bool compatible, std::vector<NormalizedChar>& out) {
  struct Pending {
    int order;
    NormalizedChar item;
  };
  std::vector<Pending> marks;  // since the last character of class 0
  const auto flush = [&] {
    std::stable_sort(marks.begin(), marks.end(), [](const Pending& a, const Pending& b) { return a.order < b.order; });
    for (const Pending& mark : marks) out.push_back(mark.item);
    marks.clear();
  };
  uint32_t parts[kLongestDecomposition];
  for (const char *p = text.data(), *end = p + text.size(); p < end;) {
    const Utf8Step step = decode_utf8(p, end);
    p += step.length;
    const int n = decompose_char(step.code, compatible, parts);
    for (int i = 0; i < n; ++i) {
      const NormalizedChar item{parts[i], i == 0 ? 0 : 1};
      const int order = combining_class(parts[i]);
      if (order != 0) {
        marks.push_back({order, item});
        continue;
      }
      if (!marks.empty()) flush();
      out.push_back(item);
    }
  }
  flush();
}

/// Composes in place from `begin` on. A mark joins the last starter unless one of its class or higher stands between.
void compose_chars(std::vector<NormalizedChar>& chars, size_t begin) {
  const Compositions& compositions = Compositions::table();
  size_t out = begin, starter = SIZE_MAX;
  int last = -1;  // class of the character before, when it stands behind the starter; -1: none does
  for (size_t i = begin; i < chars.size(); ++i) {
    const NormalizedChar item = chars[i];
    const int order = combining_class(item.code);
    if (starter != SIZE_MAX && last < order) {
      if (const uint32_t composed = compositions.of(chars[starter].code, item.code)) {
        chars[starter] = {composed, chars[starter].change + item.change - 1};
        continue;
      }
    }
    if (order == 0) {
      starter = out;
      last = -1;
    } else {
      last = order;
    }
    chars[out++] = item;
  }
  chars.resize(out);
}

}  // namespace

void normalize_chars(std::string_view text, NormalForm form, std::vector<NormalizedChar>& out) {
  const size_t begin = out.size();
  decompose_text(text, form == NormalForm::nfkc || form == NormalForm::nfkd, out);
  if (form == NormalForm::nfc || form == NormalForm::nfkc) compose_chars(out, begin);
}

std::string normalize(std::string_view text, NormalForm form) {
  if (is_ascii_text(text)) return std::string(text);
  std::vector<NormalizedChar> chars;
  normalize_chars(text, form, chars);
  std::string out;
  for (const NormalizedChar& c : chars) append_utf8(c.code, out);
  return out;
}

}  // namespace gradus
