#include "text/jinja/lexer.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "base/error.h"
#include "text/jinja/python_text.h"
#include "text/unicode.h"

namespace gradus::jinja {

namespace {

/// Line breaks become \n, and one at the very end is dropped.
std::string normal_lines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      i += i + 1 < source.size() && source[i + 1] == '\n';
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  Lexer(std::string_view source, const std::string& name) : text_(normal_lines(source)), name_(name) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) root();
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { syntax_error(name_, line_, what); }
  std::string_view rest() const { return std::string_view(text_).substr(at_); }
  bool ahead(std::string_view s) const { return rest().substr(0, s.size()) == s; }
  void add(TokenKind kind, std::string_view text) { tokens_.push_back({kind, line_, std::string(text)}); }
  void go(size_t to) {
    line_ += static_cast<int>(std::count(text_.begin() + at_, text_.begin() + to, '\n'));
    at_ = to;
  }
  /// The place behind the white space at `i`.
  size_t skip_space(size_t i) const {
    return text_.size() - strip_text(std::string_view(text_).substr(i), true, false).size();
  }

  /// Text up to the next tag, and the tag.
  void root() {
    size_t tag = at_;
    for (;; ++tag) {
      tag = text_.find('{', tag);
      if (tag == text_.npos || tag + 1 >= text_.size()) {
        add(TokenKind::data, rest());
        return go(text_.size());
      }
      const char c = text_[tag + 1];
      if (c == '%' || c == '{' || c == '#') break;
    }
    const char kind = text_[tag + 1];
    const size_t sign_at = tag + 2;
    const char sign = sign_at < text_.size() && (text_[sign_at] == '-' || text_[sign_at] == '+') ? text_[sign_at] : 0;
    add_data(tag, sign, kind != '{');
    go(sign_at + (sign != 0));
    line_starting_ = false;
    if (kind == '#') return comment();
    if (kind == '%' && raw()) return;
    add(kind == '%' ? TokenKind::block_begin : TokenKind::variable_begin, kind == '%' ? "{%" : "{{");
    inside(kind == '%');
  }

  /// The text before a tag at `tag`. '-' strips its white space; a block or comment that stands alone at the start of
  /// its line takes the blanks before it along (lstrip_blocks), unless '+' forbids it.
  void add_data(size_t tag, char sign, bool may_strip) {
    std::string_view data = std::string_view(text_).substr(at_, tag - at_);
    if (sign == '-') {
      data = strip_text(data, false, true);
    } else if (sign != '+' && may_strip) {
      const size_t line = data.rfind('\n') + 1;  // npos + 1 == 0
      if ((line > 0 || line_starting_) && line < data.size() && strip_text(data.substr(line), true, false).empty())
        data = data.substr(0, line);
    }
    if (!data.empty()) add(TokenKind::data, data);
  }

  /// Behind a tag's end at `end`: '-' drops the white space that follows, otherwise one line break goes (trim_blocks).
  void close(size_t end, char sign, bool trims) {
    if (sign == '-')
      end = skip_space(end);
    else if (sign != '+' && trims && end < text_.size() && text_[end] == '\n')
      ++end;
    line_starting_ = end > 0 && text_[end - 1] == '\n';
    go(end);
  }

  void comment() {
    const size_t end = text_.find("#}", at_);
    if (end == text_.npos) fail("a comment is not closed by '#}'");
    const char before = end > at_ ? text_[end - 1] : 0;
    close(end + 2, before == '-' || before == '+' ? before : 0, true);
  }

  /// {% raw %} … {% endraw %}; false when the tag is another.
  bool raw() {
    size_t i = skip_space(at_);
    if (std::string_view(text_).substr(i, 3) != "raw") return false;
    i = skip_space(i + 3);
    const bool strips = std::string_view(text_).substr(i, 3) == "-%}";
    if (!strips && std::string_view(text_).substr(i, 2) != "%}") return false;
    const int began = line_;
    go(strips ? skip_space(i + 3) : i + 2);
    line_starting_ = at_ > 0 && text_[at_ - 1] == '\n';
    for (size_t tag = text_.find("{%", at_); tag != text_.npos; tag = text_.find("{%", tag + 2)) {
      size_t j = tag + 2;
      const char sign = j < text_.size() && (text_[j] == '-' || text_[j] == '+') ? text_[j] : 0;
      j = skip_space(j + (sign != 0));
      if (std::string_view(text_).substr(j, 6) != "endraw") continue;
      j = skip_space(j + 6);
      const char end_sign = j < text_.size() && (text_[j] == '-' || text_[j] == '+') ? text_[j] : 0;
      j += end_sign != 0;
      if (std::string_view(text_).substr(j, 2) != "%}") continue;
      add_data(tag, sign, true);
      close(j + 2, end_sign, true);
      return true;
    }
    syntax_error(name_, began, "a raw block is not closed by {% endraw %}");
  }

  /// The tokens of a block or variable tag.
  void inside(bool block) {
    const std::string_view end = block ? "%}" : "}}";
    std::string open;  // the brackets that are open
    const int began = line_;
    for (;;) {
      go(skip_space(at_));
      if (at_ >= text_.size()) syntax_error(name_, began, "a tag is not closed by '" + std::string(end) + "'");
      if (open.empty()) {
        const char c = text_[at_];
        const bool sign = (c == '-' || (c == '+' && block)) && rest().substr(1, 2) == end;
        if (sign || ahead(end)) {
          add(block ? TokenKind::block_end : TokenKind::variable_end, end);
          return close(at_ + sign + 2, sign ? c : 0, block);
        }
      }
      if (!number() && !word() && !quoted()) operation(open);
    }
  }

  bool number() {
    if (!is_digit(text_[at_])) return false;
    size_t i = at_;
    std::string digits;
    const auto run = [&](auto is) {  // digits with single underscores between them
      const size_t begin = i;
      while (i < text_.size() &&
             (is(text_[i]) || (text_[i] == '_' && i > begin && i + 1 < text_.size() && is(text_[i + 1])))) {
        if (text_[i] != '_') digits += text_[i];
        ++i;
      }
      return i > begin;
    };
    run(is_digit);
    const bool after_dot = at_ > 0 && text_[at_ - 1] == '.';  // x.0.1 is two indices
    bool floating = false;
    if (!after_dot) {
      if (i + 1 < text_.size() && text_[i] == '.' && is_digit(text_[i + 1])) {
        digits += '.', ++i;
        floating = run(is_digit);
      }
      size_t e = i;
      if (e < text_.size() && (text_[e] == 'e' || text_[e] == 'E')) {
        ++e;
        const bool sign = e < text_.size() && (text_[e] == '+' || text_[e] == '-');
        if (e + sign < text_.size() && is_digit(text_[e + sign])) {
          digits += 'e';
          if (sign) digits += text_[e];
          i = e + sign;
          floating = run(is_digit);
        }
      }
    }
    if (!floating && digits[0] == '0' && digits.find_first_not_of('0') != digits.npos)
      fail("the number " + digits + " begins with 0");
    Token token{floating ? TokenKind::floating : TokenKind::integer, line_};
    if (floating) {
      std::from_chars(digits.data(), digits.data() + digits.size(), token.floating);
    } else {
      int base = 10;
      const char c = at_ + 1 < text_.size() ? static_cast<char>(text_[at_ + 1] | 0x20) : 0;
      if (text_[at_] == '0' && (c == 'x' || c == 'o' || c == 'b')) {
        base = c == 'x' ? 16 : c == 'o' ? 8 : 2;
        digits.clear();
        i = at_ + 2;
        run([](char d) { return std::isxdigit(static_cast<unsigned char>(d)) != 0; });
      }
      const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), token.integer, base);
      if (error != std::errc() || stop != digits.data() + digits.size())
        fail("the number " + text_.substr(at_, i - at_) + " is not an integer of 64 bits");
    }
    tokens_.push_back(std::move(token));
    go(i);
    return true;
  }

  bool word() {
    size_t i = at_;
    while (i < text_.size()) {
      const Utf8Step step = decode_utf8(text_.data() + i, text_.data() + text_.size());
      if (!is_word_char(step.code) || (i == at_ && is_digit(text_[i]))) break;
      i += step.length;
    }
    if (i == at_) return false;
    add(TokenKind::name, std::string_view(text_).substr(at_, i - at_));
    go(i);
    return true;
  }

  bool quoted() {
    const char quote = text_[at_];
    if (quote != '\'' && quote != '"') return false;
    Token token{TokenKind::string, line_};
    size_t i = at_ + 1;
    for (;; ++i) {
      if (i >= text_.size()) fail("a string is not closed");
      if (text_[i] == quote) break;
      if (text_[i] == '\\')
        i = escape(i + 1, token.text);
      else
        token.text += text_[i];
    }
    tokens_.push_back(std::move(token));
    go(i + 1);
    return true;
  }

  /// Python's escapes; returns the place of their last character.
  size_t escape(size_t i, std::string& out) {
    if (i >= text_.size()) fail("a string is not closed");
    const char c = text_[i];
    static const char kFrom[] = "ntrabfv\\'\"", kTo[] = "\n\t\r\a\b\f\v\\'\"";
    if (const char* known = std::find(kFrom, kFrom + 10, c); known != kFrom + 10) {
      out += kTo[known - kFrom];
      return i;
    }
    if (c == '\n') return i;
    if (c >= '0' && c <= '7') {
      uint32_t code = 0;
      size_t n = 0;
      for (; n < 3 && i + n < text_.size() && text_[i + n] >= '0' && text_[i + n] <= '7'; ++n)
        code = code * 8 + static_cast<uint32_t>(text_[i + n] - '0');
      append_utf8(code, out);
      return i + n - 1;
    }
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) {
      out += '\\', out += c;
      return i;
    }
    uint32_t code = 0;
    const char *begin = text_.data() + i + 1, *end = text_.data() + std::min(i + 1 + digits, text_.size());
    if (std::from_chars(begin, end, code, 16).ptr != begin + digits || code > 0x10FFFF || (code >> 11) == 0x1B)
      fail(std::string("\\") + c + " needs " + std::to_string(digits) + " hexadecimal digits that name a character");
    append_utf8(code, out);
    return i + digits;
  }

  void operation(std::string& open) {
    static const char* const kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                             "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (const char* op : kOperators) {
      if (!ahead(op)) continue;
      const char c = op[0];
      if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
      if (c == ')' || c == ']' || c == '}') {
        if (open.empty()) fail(std::string("unexpected '") + c + "'");
        if (open.back() != c) fail(std::string("unexpected '") + c + "', expected '" + open.back() + "'");
        open.pop_back();
      }
      add(TokenKind::op, op);
      return go(at_ + std::string_view(op).size());
    }
    const Utf8Step step = decode_utf8(text_.data() + at_, text_.data() + text_.size());
    fail("unexpected character '" + replace_invalid_utf8(rest().substr(0, step.length)) + "'");
  }

  std::string text_;
  const std::string& name_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
};

}  // namespace

std::vector<Token> tokenize_template(std::string_view source, const std::string& name) {
  return Lexer(source, name).run();
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::data: return "text";
    case TokenKind::end: return "the end of the template";
    case TokenKind::string: return "a string";
    case TokenKind::integer:
    case TokenKind::floating: return "a number";
    case TokenKind::name: return "the name '" + token.text + "'";
    default: return "'" + token.text + "'";
  }
}

void syntax_error(const std::string& name, int line, const std::string& what) {
  throw FileError("chat template", name + ", line " + std::to_string(line) + ": " + what + ".",
                  "the template must be written in the part of Jinja that docs/chat-templates.md lists.");
}

}  // namespace gradus::jinja
