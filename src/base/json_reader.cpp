#include "base/json_reader.h"

#include <utility>

#include "base/error.h"

namespace gradus {

namespace {
constexpr int kMaxDepth = 128;

void put_utf8(uint32_t code, std::string& out) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  if (code < 0x10000) return put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
}

int hex_value(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}
}  // namespace

JsonReader::JsonReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
  if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;  // a byte-order mark
}

void JsonReader::fail(const std::string& what) const {
  throw FileError("json", name_ + ": " + what + " at byte " + std::to_string(at_) + ".",
                  "the file must hold one valid JSON document.");
}

void JsonReader::skip_space() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
    ++at_;
}

char JsonReader::peek() {
  skip_space();
  return at_ < text_.size() ? text_[at_] : '\0';
}

void JsonReader::expect(char c, const char* what) {
  if (peek() != c) fail(std::string("expected ") + what);
  ++at_;
  if ((c == '{' || c == '[') && ++depth_ > kMaxDepth) fail("nested deeper than 128 levels");
}

bool JsonReader::closes(char c) {
  if (peek() != c) return false;
  ++at_;
  return true;
}

bool JsonReader::more(char close) {
  const char c = peek();
  if (c != ',' && c != close) fail(std::string("expected ',' or '") + close + "'");
  ++at_;
  return c == ',';
}

std::string_view JsonReader::string_into(std::string& buffer) {
  if (peek() != '"') fail("expected a string");
  const size_t begin = ++at_;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
         static_cast<unsigned char>(text_[at_]) >= 0x20)
    ++at_;
  if (at_ < text_.size() && text_[at_] == '"') return text_.substr(begin, at_++ - begin);
  buffer.assign(text_.substr(begin, at_ - begin));
  const auto hex4 = [this] {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const int digit = at_ < text_.size() ? hex_value(text_[at_]) : -1;
      if (digit < 0) fail("expected four hexadecimal digits");
      value = value << 4 | static_cast<uint32_t>(digit);
    }
    return value;
  };
  for (;;) {
    if (at_ >= text_.size()) fail("a string does not end");
    const char c = text_[at_];
    if (static_cast<unsigned char>(c) < 0x20) fail("a control character stands in a string");
    ++at_;
    if (c == '"') return buffer;
    if (c != '\\') {
      buffer.push_back(c);
      continue;
    }
    const char escape = at_ < text_.size() ? text_[at_++] : '\0';
    switch (escape) {
      case '"':
      case '\\':
      case '/': buffer.push_back(escape); break;
      case 'b': buffer.push_back('\b'); break;
      case 'f': buffer.push_back('\f'); break;
      case 'n': buffer.push_back('\n'); break;
      case 'r': buffer.push_back('\r'); break;
      case 't': buffer.push_back('\t'); break;
      case 'u': {
        uint32_t code = hex4();
        if (code >= 0xD800 && code < 0xDC00) {
          if (text_.substr(at_, 2) != "\\u") fail("half a surrogate pair");
          at_ += 2;
          const uint32_t low = hex4();
          if (low < 0xDC00 || low > 0xDFFF) fail("half a surrogate pair");
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else if (code >= 0xDC00 && code < 0xE000) {
          fail("half a surrogate pair");
        }
        put_utf8(code, buffer);
        break;
      }
      default: fail("an unknown escape in a string");
    }
  }
}

int64_t JsonReader::integer() {
  const char first = peek();
  const size_t begin = at_;
  if (first == '-') ++at_;
  int64_t value = 0;
  const size_t digits = at_;
  while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
    if (at_ - digits >= 16) fail("the number is too large");
    value = value * 10 + (text_[at_++] - '0');
  }
  const char next = at_ < text_.size() ? text_[at_] : '\0';
  if (at_ == digits || next == '.' || next == 'e' || next == 'E' || (text_[digits] == '0' && at_ - digits > 1)) {
    at_ = begin;
    fail("expected an integer");
  }
  return first == '-' ? -value : value;
}

std::string_view JsonReader::raw() {
  const char first = peek();
  const size_t begin = at_;
  std::string buffer;
  if (first == '"') return string_into(buffer), text_.substr(begin, at_ - begin);
  int open = 0;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      string_into(buffer);
      continue;
    }
    if (c == '{' || c == '[') {
      if (++open + depth_ > kMaxDepth) fail("nested deeper than 128 levels");
    } else if (c == '}' || c == ']') {
      if (open-- == 0) break;
    } else if (open == 0 && (c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
      break;
    }
    ++at_;
    if (open == 0 && (c == '}' || c == ']')) break;
  }
  if (open > 0) fail("the text ends inside a value");
  if (at_ == begin) fail("expected a value");
  return text_.substr(begin, at_ - begin);
}

void JsonReader::finish() {
  if (peek() != '\0' || at_ < text_.size()) fail("something stands behind the document");
}

}  // namespace gradus
