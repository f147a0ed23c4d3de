#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

class ComponentFields;

/// The bytes [begin, end) of a text.
struct MatchSpan {
  size_t begin, end;
};

/// A regular expression as the pre-tokenizers of Hugging Face read it (Oniguruma's Ruby syntax, Unicode 16), run by
/// PCRE2 with its just-in-time compiler. Copies share the compiled code, which any number of threads may use.
class Regex {
 public:
  /// Throws ValueError when the pattern is malformed or asks for something that PCRE2 cannot do.
  explicit Regex(std::string_view pattern);
  /// Looks for a match in valid UTF-8 that begins at `start` or later; false: there is none. Throws ValueError when the
  /// search takes more steps than any sane pattern needs (catastrophic backtracking).
  bool search(std::string_view text, size_t start, MatchSpan& match) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

/// Whether PCRE2 knows a script of this name.
bool is_script_name(const std::string& name);
/// Oniguruma's syntax in PCRE2's words (regex_syntax.cpp).
std::string translate_oniguruma(std::string_view pattern);

/// Finds a string or a regular expression everywhere in a text: the pattern of Split and Replace.
class TextFinder {
 public:
  static TextFinder of_string(std::string text);
  static TextFinder of_regex(std::string_view pattern);
  /// Appends the matches in `text`, in order. An empty match counts unless it touches the end of the one before.
  void find_all(std::string_view text, std::vector<MatchSpan>& out) const;
  /// The same, one by one: calls `found(span)`.
  template <class F>
  void each(std::string_view text, const F& found) const {
    Cursor cursor;
    MatchSpan match;
    while (next(text, cursor, match)) found(match);
  }

 private:
  struct Cursor {
    size_t at = 0, last_end = static_cast<size_t>(-1);
  };
  bool next(std::string_view text, Cursor& cursor, MatchSpan& match) const;
  std::string string_;
  std::shared_ptr<const Regex> regex_;
};

/// The finder for a component's "pattern". Throws FileError naming the component when it is not a usable pattern.
TextFinder read_finder(const ComponentFields& fields);

}  // namespace gradus
