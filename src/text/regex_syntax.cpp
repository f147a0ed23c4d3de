// Oniguruma's (Ruby's) regular expressions in PCRE2's words. What differs and matters here:
//   \h is a hexadecimal digit; \w and \b go by word_items(), which a set reads otherwise; \s is White_Space;
//   (?m) lets a dot match line breaks; ^ and $ always go by lines;
//   [a[bc]] unites and [a&&b] intersects sets; [[:alpha:]] goes by Unicode;
//   \p{…} knows the characters of Unicode 16, of which PCRE2 10.42 lacks the newest (unicode_tables::newer).
#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include "base/error.h"
#include "text/regex.h"
#include "text/unicode.h"
#include "text/unicode_tables.h"

namespace gradus {

namespace {

constexpr int kDeepestSet = 32;
constexpr const char* kSpaceItems =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";

std::string range_item(uint32_t first, uint32_t last) {
  char text[40];
  if (first == last)
    std::snprintf(text, sizeof text, "\\x{%x}", first);
  else
    std::snprintf(text, sizeof text, "\\x{%x}-\\x{%x}", first, last);
  return text;
}

/// Items of a set for a general category, "L" or "Lu".
std::string category_items(const std::string& category) {
  std::string out = "\\p{" + category + "}";
  for (int i = 0; i < unicode_tables::newer_count; ++i) {
    const auto& range = unicode_tables::newer[i];
    if (range.major == category[0] && (category.size() == 1 || range.minor == category[1]))
      out += range_item(range.first, range.last);
  }
  return out;
}

/// \w: letters, marks, decimal and letter numbers, connectors, circled and squared letters; outside of sets also the
/// other numbers of Latin-1.
std::string word_items(bool in_set) {
  return category_items("L") + category_items("M") + category_items("Nd") + category_items("Nl") +
         category_items("Pc") + (in_set ? "" : "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}") +
         "\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-"
         "\\x{1f189}";
}

/// Letters and what counts as one; the marks are those that Unicode 16 has and PCRE2 10.42 has not.
std::string alphabetic_items() {
  return "\\p{Alphabetic}" + category_items("L") +
         "\\x{363}-\\x{36f}\\x{897}\\x{c04}\\x{cf3}\\x{f82}\\x{f83}\\x{1dd3}-\\x{1de6}\\x{10d69}\\x{10efc}\\x{11080}"
         "\\x{11081}\\x{11241}\\x{113b8}-\\x{113c0}\\x{113c2}\\x{113c5}\\x{113c7}-\\x{113ca}\\x{113cc}\\x{113cd}"
         "\\x{11f00}\\x{11f01}\\x{11f03}\\x{11f34}-\\x{11f3a}\\x{11f3e}-\\x{11f40}\\x{1611e}-\\x{1612e}\\x{1e08f}";
}

std::string lower_name(std::string_view name) {
  std::string out;
  for (char c : name)
    if (c != ' ' && c != '_' && c != '-') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

/// Items for \p{name} and [:name:], or nothing when the name is for PCRE2 to judge. `posix`: inside [: :]. Only \w and
/// [:punct:], which has the symbols too, depend on where they stand.
std::optional<std::string> named_items(std::string_view given, bool posix, bool in_set) {
  const std::string name = lower_name(given);
  if (name == "alpha" || name == "alphabetic") return alphabetic_items();
  if (name == "digit") return category_items("Nd");
  if (name == "alnum") return alphabetic_items() + category_items("Nd");
  if (name == "upper" || name == "uppercase") return "\\p{Uppercase}" + category_items("Lu");
  if (name == "lower" || name == "lowercase")
    return "\\p{Lowercase}" + category_items("Ll") +
           "\\x{10fc}\\x{a7f2}-\\x{a7f4}\\x{ab69}\\x{1df25}-\\x{1df2a}\\x{1e030}-\\x{1e06d}";
  if (name == "space") return kSpaceItems;
  if (name == "blank") return std::string("\\x{9}\\p{Zs}");
  if (name == "cntrl") return std::string("\\p{Cc}");
  if (name == "punct") return category_items("P") + (posix ? category_items("S") : "");
  if (name == "xdigit") return std::string("0-9A-Fa-f");
  if (name == "word") return word_items(in_set);
  if (name == "ascii") return std::string("\\x{0}-\\x{7f}");
  if (name == "any") return std::string("\\x{0}-\\x{10ffff}");
  if (posix) return std::nullopt;
  if (name == "han") {
    std::string out = "\\p{sc:Han}";
    for (int i = 0; i < unicode_tables::newer_han_count; ++i)
      out += range_item(unicode_tables::newer_han[i].first, unicode_tables::newer_han[i].last);
    return out;
  }
  static constexpr std::pair<const char*, const char*> kLongNames[] = {{"letter", "L"},
                                                                       {"mark", "M"},
                                                                       {"number", "N"},
                                                                       {"punctuation", "P"},
                                                                       {"symbol", "S"},
                                                                       {"separator", "Z"},
                                                                       {"other", "C"},
                                                                       {"uppercaseletter", "Lu"},
                                                                       {"lowercaseletter", "Ll"},
                                                                       {"titlecaseletter", "Lt"},
                                                                       {"modifierletter", "Lm"},
                                                                       {"otherletter", "Lo"},
                                                                       {"nonspacingmark", "Mn"},
                                                                       {"spacingmark", "Mc"},
                                                                       {"enclosingmark", "Me"},
                                                                       {"decimalnumber", "Nd"},
                                                                       {"letternumber", "Nl"},
                                                                       {"othernumber", "No"},
                                                                       {"connectorpunctuation", "Pc"},
                                                                       {"dashpunctuation", "Pd"},
                                                                       {"openpunctuation", "Ps"},
                                                                       {"closepunctuation", "Pe"},
                                                                       {"initialpunctuation", "Pi"},
                                                                       {"finalpunctuation", "Pf"},
                                                                       {"otherpunctuation", "Po"},
                                                                       {"mathsymbol", "Sm"},
                                                                       {"currencysymbol", "Sc"},
                                                                       {"modifiersymbol", "Sk"},
                                                                       {"othersymbol", "So"},
                                                                       {"spaceseparator", "Zs"},
                                                                       {"lineseparator", "Zl"},
                                                                       {"paragraphseparator", "Zp"},
                                                                       {"control", "Cc"},
                                                                       {"format", "Cf"},
                                                                       {"privateuse", "Co"}};
  for (const auto& [known, category] : kLongNames)
    if (name == known) return category_items(category);
  const std::string_view majors = "LMNPSZC";
  if (name.size() <= 2 && !name.empty() && majors.find(static_cast<char>(name[0] - 32)) != majors.npos) {
    std::string category(1, static_cast<char>(name[0] - 32));
    if (name.size() == 2) category += name[1];
    // Neither unassigned characters nor surrogates are listed in the table of newer ones.
    return category == "C" || category == "Cn" || category == "Cs" ? std::nullopt
                                                                   : std::optional(category_items(category));
  }
  // PCRE2 means Script_Extensions by a name alone: punctuation would belong to Han.
  if (is_script_name(name)) return "\\p{sc:" + name + "}";
  return std::nullopt;
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : p_(pattern) {}

  std::string run() {
    while (at_ < p_.size()) {
      const char c = p_[at_];
      if (c == '\\')
        escape();
      else if (c == '[')
        out_ += set(0);
      else if (c == '(')
        group();
      else
        out_ += c, ++at_;
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void wrong(const std::string& what) const {
    throw ValueError("regex", "the pattern \"" + std::string(p_) + "\" " + what + ".");
  }
  bool looking_at(std::string_view text) const { return p_.substr(at_, text.size()) == text; }

  /// The name in \p{name}, \P{name}, \p{^name}; leaves at_ behind it. `negated` is turned round as asked.
  std::string property_name(bool& negated) {
    const size_t close = p_.find('}', at_);
    if (close == p_.npos) wrong("has a \\p{ that does not close");
    std::string name(p_.substr(at_ + 1, close - at_ - 1));
    at_ = close + 1;
    if (!name.empty() && name[0] == '^') negated = !negated, name.erase(0, 1);
    return name;
  }

  /// What a class escape stands for outside a set: "[items]" or "[^items]".
  std::optional<std::string> class_escape(char c, bool in_set) {
    bool negated = false;
    std::string items;
    switch (c) {
      case 'W': negated = true; [[fallthrough]];
      case 'w': items = word_items(in_set); break;
      case 'S': negated = true; [[fallthrough]];
      case 's': items = kSpaceItems; break;
      case 'D': negated = true; [[fallthrough]];
      case 'd': items = category_items("Nd"); break;
      case 'H': negated = true; [[fallthrough]];
      case 'h': items = "0-9A-Fa-f"; break;
      case 'P': negated = true; [[fallthrough]];
      case 'p': {
        if (at_ + 2 >= p_.size() || p_[at_ + 2] != '{') return std::nullopt;  // the letter
        at_ += 2;
        const std::string name = property_name(negated);
        items = named_items(name, false, in_set).value_or("\\p{" + name + "}");
        return (negated ? "[^" : "[") + items + "]";
      }
      default: return std::nullopt;
    }
    at_ += 2;
    return (negated ? "[^" : "[") + items + "]";
  }

  void escape() {
    if (at_ + 1 >= p_.size()) wrong("ends in a backslash");
    const char c = p_[at_ + 1];
    if (const auto set = class_escape(c, false)) {
      out_ += *set;
      return;
    }
    const std::string word = "[" + word_items(false) + "]";
    if (c == 'b' || c == 'B') {
      const std::string edge = "(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + ")";
      out_ += c == 'b' ? "(?:" + edge + ")" : "(?!" + edge + ")";
      at_ += 2;
    } else if (c == 'u') {
      out_ += "\\x{" + hex4() + "}";
    } else if (c == 'v') {  // the vertical tab alone
      out_ += "\\x{b}";
      at_ += 2;
    } else if (c == 'p' || c == 'P') {
      out_ += c;
      at_ += 2;
    } else if (c == 'O') {  // any character, line breaks too
      out_ += "(?s:.)";
      at_ += 2;
    } else {
      out_ += '\\';
      out_ += c;
      at_ += 2;
    }
  }

  std::string hex4() {
    const std::string digits(p_.substr(at_ + 2, 4));
    if (digits.size() < 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos)
      wrong("has a \\u without four hexadecimal digits");
    at_ += 6;
    return digits;
  }

  /// (?m) is PCRE2's (?s); lines are on already.
  void group() {
    out_ += p_[at_++];
    if (at_ >= p_.size() || p_[at_] != '?') return;
    size_t end = at_ + 1;
    while (end < p_.size() && (p_[end] == 'i' || p_[end] == 'm' || p_[end] == 'x' || p_[end] == '-' || p_[end] == 'a' ||
                               p_[end] == 'u' || p_[end] == 'd'))
      ++end;
    if (end == at_ + 1 || end >= p_.size() || (p_[end] != ':' && p_[end] != ')')) return;
    out_ += '?';
    for (size_t i = at_ + 1; i < end; ++i) {
      if (p_[i] == 'm')
        out_ += 's';
      else if (p_[i] == 'i' || p_[i] == 'x' || p_[i] == '-')
        out_ += p_[i];
    }
    at_ = end;
  }

  /// One set, from its bracket on. Comes out as a set when it can, otherwise as lookaheads and alternatives that match
  /// one character: [a&&b] = (?:(?=a)b), [a[^b]] = (?:[a]|[^b]).
  std::string set(int depth) {
    if (depth > kDeepestSet) wrong("nests sets too deeply");
    ++at_;
    const bool negated = at_ < p_.size() && p_[at_] == '^';
    if (negated) ++at_;
    std::vector<std::string> sides;  // of &&
    std::string items;
    std::vector<std::string> others;  // alternatives that are sets of their own
    const auto side = [&] {
      std::string out = items.empty() ? "" : "[" + items + "]";
      for (const std::string& other : others) out += (out.empty() ? "" : "|") + other;
      if (out.empty()) out = "(?!)";
      const bool single = others.empty() || (items.empty() && others.size() == 1);
      sides.push_back(single ? out : "(?:" + out + ")");
      items.clear();
      others.clear();
    };
    for (bool first = true;; first = false) {
      if (at_ >= p_.size()) wrong("has a set that does not close");
      const char c = p_[at_];
      if (c == ']' && !first) break;
      if (looking_at("&&")) {
        side();
        at_ += 2;
      } else if (looking_at("[:")) {
        posix(items, others);
      } else if (c == '[') {
        others.push_back(set(depth + 1));
      } else if (c == '\\') {
        set_escape(items, others);
      } else if (c == ']') {  // the first one is a character
        items += "\\]";
        ++at_;
      } else {
        items += c == '^' ? "\\^" : std::string(1, c);
        ++at_;
      }
    }
    ++at_;
    const bool plain = sides.empty() && others.empty();
    if (plain) return (negated ? "[^" : "[") + items + "]";
    side();
    std::string out;
    for (size_t i = 0; i + 1 < sides.size(); ++i) out += "(?=" + sides[i] + ")";
    out += sides.back();
    if (negated) return "(?:(?!" + out + ")(?s:.))";
    return sides.size() > 1 ? "(?:" + out + ")" : out;
  }

  void posix(std::string& items, std::vector<std::string>& others) {
    const size_t close = p_.find(":]", at_ + 2);
    if (close == p_.npos || close - at_ > 12) {  // a bracket and a colon
      items += "\\[";
      ++at_;
      return;
    }
    std::string_view name = p_.substr(at_ + 2, close - at_ - 2);
    const bool negated = !name.empty() && name[0] == '^';
    if (negated) name.remove_prefix(1);
    const auto found = named_items(name, true, true);
    const std::string known = found.value_or("[:" + std::string(name) + ":]");
    if (negated)
      others.push_back("[^" + known + "]");
    else
      items += known;
    at_ = close + 2;
  }

  void set_escape(std::string& items, std::vector<std::string>& others) {
    if (at_ + 1 >= p_.size()) wrong("ends in a backslash");
    const char c = p_[at_ + 1];
    if (const auto set = class_escape(c, true)) {
      if (set->compare(0, 2, "[^") == 0)
        others.push_back(*set);
      else
        items += set->substr(1, set->size() - 2);
      return;
    }
    if (c == 'u') {
      items += "\\x{" + hex4() + "}";
      return;
    }
    if (c == 'v' || c == 'p' || c == 'P') {
      items += c == 'v' ? std::string("\\x{b}") : std::string(1, c);
      at_ += 2;
      return;
    }
    items += '\\';
    items += c;
    at_ += 2;
    if (c == 'x' && at_ < p_.size() && p_[at_] == '{') {
      const size_t close = p_.find('}', at_);
      if (close == p_.npos) wrong("has a \\x{ that does not close");
      items += p_.substr(at_, close + 1 - at_);
      at_ = close + 1;
    }
  }

  std::string_view p_;
  std::string out_;
  size_t at_ = 0;
};

}  // namespace

std::string translate_oniguruma(std::string_view pattern) {
  if (!is_valid_utf8(pattern)) throw ValueError("regex", "the pattern is not valid UTF-8.");
  return Translator(pattern).run();
}

}  // namespace gradus
