#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_trie.h"
#include "text/unicode.h"

namespace gradus {

/// A token that is looked for in the text itself, before the model sees it.
struct AddedToken {
  int32_t id = -1;
  std::string content;
  bool single_word = false;  ///< only where no word character touches it
  bool lstrip = false;       ///< takes the white space on its left with it
  bool rstrip = false;       ///< takes the white space on its right with it
  bool normalized = true;    ///< looked for, in its normalised form, after the text is normalised
  bool special = false;      ///< left out by decoding when asked; not looked for when text is encoded as plain
};

/// A piece of text between added tokens (id -1), or the place of one of them.
struct TextPiece {
  std::string_view text;
  int32_t id;
};

/// Finds a set of added tokens in text: leftmost first, longest among those.
class AddedTokenMatcher {
 public:
  void add(const AddedToken& token, std::string_view pattern);
  void finish();
  bool empty() const { return tokens_.empty(); }
  /// Appends the pieces that cover `text`. Tokens with `special` set are passed over when `skip_special`.
  void split(std::string_view text, bool skip_special, std::vector<TextPiece>& out) const;

 private:
  struct Entry {
    AddedToken token;
    size_t length;  // of the pattern, in bytes
  };
  ByteTrie trie_;
  std::vector<Entry> tokens_;
  int only_start_ = -1;  // the byte that all of them begin with
};

}  // namespace gradus
