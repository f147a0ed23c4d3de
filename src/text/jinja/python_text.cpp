#include "text/jinja/python_text.h"

#include <utf8proc.h>

#include <algorithm>

#include "text/unicode.h"

namespace gradus::jinja {

namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

template <class F>
void each_character(std::string_view s, const F& f) {
  const char *p = s.data(), *end = p + s.size();
  while (p < end) {
    const Utf8Step step = decode_utf8(p, end);
    f(step.code == kInvalidUtf8 ? 0xFFFDu : step.code, std::string_view(p, step.length));
    p += step.length;
  }
}

utf8proc_category_t category(uint32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(std::min(code, 0x10FFFFu)));
}
bool is_upper(uint32_t code) {
  return category(code) == UTF8PROC_CATEGORY_LU || category(code) == UTF8PROC_CATEGORY_LT;
}
bool is_lower(uint32_t code) {
  return category(code) == UTF8PROC_CATEGORY_LL || code == 0xAA || code == 0xBA ||
         (category(code) == UTF8PROC_CATEGORY_LM && code >= 0x2B0 && code <= 0x2B8);
}
bool is_alpha(uint32_t code) {
  switch (category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return true;
    default: return false;
  }
}
bool is_numeric(uint32_t code) {
  const auto c = category(code);
  return c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL || c == UTF8PROC_CATEGORY_NO;
}
bool is_digit(uint32_t code) {  // decimal digits, superscripts, subscripts, circled digits below ten
  return category(code) == UTF8PROC_CATEGORY_ND || code == 0xB2 || code == 0xB3 || code == 0xB9 || code == 0x2070 ||
         (code >= 0x2074 && code <= 0x2079) || (code >= 0x2080 && code <= 0x2089) || (code >= 0x2460 && code <= 0x2468);
}

void append_upper(uint32_t code, std::string& out, bool title = false) {
  if (code == 0xDF) {  // the one letter of everyday text whose capital is two letters
    out += title ? "Ss" : "SS";
    return;
  }
  const auto c = static_cast<utf8proc_int32_t>(code);
  append_utf8(static_cast<uint32_t>(title ? utf8proc_totitle(c) : utf8proc_toupper(c)), out);
}
void append_lower(uint32_t code, std::string& out) {
  append_utf8(static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))), out);
}

}  // namespace

size_t text_length(std::string_view s) {
  return s.size() - static_cast<size_t>(std::count_if(s.begin(), s.end(), continues));
}

std::vector<std::string_view> text_characters(std::string_view s) {
  std::vector<std::string_view> out;
  each_character(s, [&](uint32_t, std::string_view bytes) { out.push_back(bytes); });
  return out;
}

std::string text_slice(std::string_view s, int64_t start, int64_t stop, int64_t step) {
  std::string out;
  if (std::none_of(s.begin(), s.end(), [](char c) { return static_cast<signed char>(c) < 0; })) {
    if (step == 1) return start < stop ? std::string(s.substr(start, stop - start)) : "";
    for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) out += s[i];
    return out;
  }
  const auto characters = text_characters(s);
  for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) out += characters[i];
  return out;
}

bool is_python_space(uint32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(uint32_t code) {
  switch (category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    case UTF8PROC_CATEGORY_ZS: return code == ' ';
    default: return true;
  }
}

std::string_view strip_text(std::string_view s, bool left, bool right, const std::string* characters) {
  std::vector<uint32_t> set;
  if (characters) each_character(*characters, [&](uint32_t code, std::string_view) { set.push_back(code); });
  const auto goes = [&](uint32_t code) {
    return characters ? std::find(set.begin(), set.end(), code) != set.end() : is_python_space(code);
  };
  while (left && !s.empty()) {
    const Utf8Step step = decode_utf8(s.data(), s.data() + s.size());
    if (!goes(step.code)) break;
    s.remove_prefix(step.length);
  }
  while (right && !s.empty()) {
    const Utf8Step step = decode_utf8_before(s.data(), s.data() + s.size());
    if (!goes(step.code)) break;
    s.remove_suffix(step.length);
  }
  return s;
}

std::string upper_text(std::string_view s) {
  std::string out;
  each_character(s, [&](uint32_t code, std::string_view) { append_upper(code, out); });
  return out;
}

std::string lower_text(std::string_view s) {
  std::string out;
  each_character(s, [&](uint32_t code, std::string_view) { append_lower(code, out); });
  return out;
}

std::string swapcase_text(std::string_view s) {
  std::string out;
  each_character(
      s, [&](uint32_t code, std::string_view) { is_upper(code) ? append_lower(code, out) : append_upper(code, out); });
  return out;
}

std::string capitalize_text(std::string_view s) {
  std::string out;
  bool first = true;
  each_character(s, [&](uint32_t code, std::string_view) {
    first ? append_upper(code, out, true) : append_lower(code, out);
    first = false;
  });
  return out;
}

std::string title_text(std::string_view s) {
  std::string out;
  bool inside = false;
  each_character(s, [&](uint32_t code, std::string_view) {
    inside ? append_lower(code, out) : append_upper(code, out, true);
    inside = is_upper(code) || is_lower(code);
  });
  return out;
}

std::vector<std::string_view> split_text(std::string_view s, const std::string* separator, int64_t most) {
  std::vector<std::string_view> out;
  if (separator) {
    size_t at;
    while ((most < 0 || static_cast<int64_t>(out.size()) < most) && (at = s.find(*separator)) != s.npos) {
      out.push_back(s.substr(0, at));
      s.remove_prefix(at + separator->size());
    }
    out.push_back(s);
    return out;
  }
  for (s = strip_text(s, true, false); !s.empty(); s = strip_text(s, true, false)) {
    if (most >= 0 && static_cast<int64_t>(out.size()) >= most) {
      out.push_back(s);
      break;
    }
    size_t n = 0;
    while (n < s.size()) {
      const Utf8Step step = decode_utf8(s.data() + n, s.data() + s.size());
      if (is_python_space(step.code)) break;
      n += step.length;
    }
    out.push_back(s.substr(0, n));
    s.remove_prefix(n);
  }
  return out;
}

std::vector<std::string_view> rsplit_text(std::string_view s, const std::string* separator, int64_t most) {
  std::vector<std::string_view> out;
  if (separator) {
    size_t at;
    while ((most < 0 || static_cast<int64_t>(out.size()) < most) && (at = s.rfind(*separator)) != s.npos) {
      out.push_back(s.substr(at + separator->size()));
      s = s.substr(0, at);
    }
    out.push_back(s);
  } else {
    for (s = strip_text(s, false, true); !s.empty(); s = strip_text(s, false, true)) {
      if (most >= 0 && static_cast<int64_t>(out.size()) >= most) {
        out.push_back(s);
        break;
      }
      size_t n = s.size();
      while (n > 0) {
        const Utf8Step step = decode_utf8_before(s.data(), s.data() + n);
        if (is_python_space(step.code)) break;
        n -= step.length;
      }
      out.push_back(s.substr(n));
      s = s.substr(0, n);
    }
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string_view> split_lines(std::string_view s, bool keep_ends) {
  std::vector<std::string_view> out;
  size_t begin = 0, at = 0;
  while (at < s.size()) {
    const Utf8Step step = decode_utf8(s.data() + at, s.data() + s.size());
    const uint32_t c = step.code;
    size_t next = at + step.length;
    const bool ends = (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
    if (ends) {
      if (c == '\r' && next < s.size() && s[next] == '\n') ++next;
      out.push_back(s.substr(begin, (keep_ends ? next : at) - begin));
      begin = next;
    }
    at = next;
  }
  if (begin < s.size()) out.push_back(s.substr(begin));
  return out;
}

bool text_is(std::string_view s, TextClass what) {
  if (what == TextClass::ascii)
    return std::none_of(s.begin(), s.end(), [](char c) { return static_cast<signed char>(c) < 0; });
  if (s.empty()) return what == TextClass::printable;
  bool all = true, cased = false, inside = false;
  each_character(s, [&](uint32_t code, std::string_view bytes) {
    switch (what) {
      case TextClass::alpha: return void(all = all && is_alpha(code));
      case TextClass::digit: return void(all = all && is_digit(code));
      case TextClass::decimal: return void(all = all && category(code) == UTF8PROC_CATEGORY_ND);
      case TextClass::numeric: return void(all = all && is_numeric(code));
      case TextClass::alnum: return void(all = all && (is_alpha(code) || is_numeric(code)));
      case TextClass::space: return void(all = all && is_python_space(code));
      case TextClass::printable: return void(all = all && is_printable(code));
      case TextClass::lower: cased = cased || is_lower(code); return void(all = all && !is_upper(code));
      case TextClass::upper: cased = cased || is_upper(code); return void(all = all && !is_lower(code));
      case TextClass::title:
        if (is_upper(code)) all = all && !inside, cased = true;
        if (is_lower(code)) all = all && inside, cased = true;
        return void(inside = is_upper(code) || is_lower(code));
      case TextClass::identifier:
        all = all && (is_alpha(code) || code == '_' || (bytes.data() != s.data() && is_word_char(code)));
        return;
      case TextClass::ascii: return;
    }
  });
  const bool needs_case = what == TextClass::lower || what == TextClass::upper || what == TextClass::title;
  return all && (cased || !needs_case);
}

}  // namespace gradus::jinja
