#pragma once
#include <vector>

#include "text/byte_trie.h"
#include "text/vocabulary.h"
#include "text/word_model.h"

namespace gradus {

struct UnigramSettings {
  int32_t unknown_id = -1;     ///< -1: none
  bool byte_fallback = false;  ///< an unknown piece becomes tokens <0xNN>, if the vocabulary has them all
};

/// The unigram language model (Kudo 2018): the cut of a word whose tokens' log-probabilities have the largest sum,
/// found by Viterbi's algorithm. A character that no token begins costs 10 more than the least probable token;
/// neighbouring unknowns become one.
class Unigram : public WordModel {
 public:
  /// `scores` are the log-probabilities of the vocabulary's tokens.
  Unigram(const Vocabulary& vocabulary, std::vector<double> scores, UnigramSettings settings);
  void encode_tokens(std::string_view word, EncodeScratch& scratch, std::vector<WordToken>& out) const override;

 protected:
  void encode_word(std::string_view word, EncodeScratch& scratch) const override;

 private:
  /// Calls `token(id, begin, end)` for each token of the best cut.
  template <class F>
  void cut(std::string_view word, EncodeScratch& scratch, const F& token) const;
  void find_best_path(std::string_view word, EncodeScratch& scratch) const;
  [[noreturn]] static void no_unknown_token();
  const Vocabulary& vocabulary_;
  std::vector<double> scores_;
  UnigramSettings settings_;
  double unknown_score_;
  int32_t fallback_[256];
  ByteTrie trie_;
};

}  // namespace gradus
