#pragma once
#include <string>

#include "text/byte_trie.h"
#include "text/vocabulary.h"
#include "text/word_model.h"

namespace gradus {

struct WordPieceSettings {
  std::string unknown = "[UNK]";
  std::string continuing_subword_prefix = "##";
  int64_t max_input_chars_per_word = 100;
};

/// WordPiece (Schuster and Nakajima 2012; Devlin et al. 2018): the longest token that begins the word, then the longest
/// one with the prefix that goes on, and so on; one unknown token for a word that does not come out even.
class WordPiece : public WordModel {
 public:
  WordPiece(const Vocabulary& vocabulary, WordPieceSettings settings);
  void encode_tokens(std::string_view word, EncodeScratch& scratch, std::vector<WordToken>& out) const override;

 protected:
  void encode_word(std::string_view word, EncodeScratch& scratch) const override;

 private:
  /// Calls `token(id, begin, end)` for each; false when the word is unknown.
  template <class F>
  bool walk(std::string_view word, uint64_t& work, const F& token) const;
  int32_t unknown_id() const;
  const Vocabulary& vocabulary_;
  WordPieceSettings settings_;
  int unknown_id_;
  ByteTrie starts_, goes_on_;  // the second without the prefix
};

/// Each word is a token, or unknown.
class WordLevel : public WordModel {
 public:
  WordLevel(const Vocabulary& vocabulary, std::string unknown);
  void encode_tokens(std::string_view word, EncodeScratch& scratch, std::vector<WordToken>& out) const override;

 protected:
  void encode_word(std::string_view word, EncodeScratch& scratch) const override;

 private:
  int32_t find(std::string_view word) const;
  const Vocabulary& vocabulary_;
  std::string unknown_;
  int unknown_id_;
};

}  // namespace gradus
