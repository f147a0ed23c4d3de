#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace gradus {

/// Reads JSON text value by value, without a tree: for files whose bulk goes straight into other structures. Each call
/// consumes one value or throws FileError with the file's name and the byte where the text went wrong.
///
///   reader.object([&](std::string_view key) { if (key == "size") size = reader.integer(); else reader.raw(); });
class JsonReader {
 public:
  JsonReader(std::string_view text, std::string name);

  /// The first character of the next value: '{' '[' '"' 't' 'f' 'n' '-' or a digit. '\0' at the end of the text.
  char peek();
  /// Calls `member(key)` for each member; it must consume the value. The key is valid until the next read.
  template <class F>
  void object(const F& member) {
    expect('{', "an object");
    if (closes('}')) return leave();
    do {
      std::string key;
      const std::string_view name = string_into(key);
      expect(':', "':'");
      member(name);
    } while (more('}'));
    leave();
  }
  /// Calls `item()` for each element; it must consume the element.
  template <class F>
  void array(const F& item) {
    expect('[', "an array");
    if (closes(']')) return leave();
    do item();
    while (more(']'));
    leave();
  }
  /// A string; when it holds escapes they are decoded into `buffer`, otherwise the result points into the text.
  std::string_view string_into(std::string& buffer);
  /// An integer that fits in 53 bits.
  int64_t integer();
  /// Skips any value and returns its text. Checks only that brackets and strings close; parse_json checks the rest.
  std::string_view raw();
  /// Throws unless only white space is left.
  void finish();
  [[noreturn]] void fail(const std::string& what) const;

 private:
  void skip_space();
  void expect(char c, const char* what);
  bool closes(char c);
  bool more(char close);
  void leave() { --depth_; }

  std::string_view text_;
  std::string name_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace gradus
