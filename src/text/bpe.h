#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_trie.h"
#include "text/vocabulary.h"
#include "text/word_model.h"

namespace gradus {

/// `left` followed by `right` becomes `result`; its rank is its place in the list of merges.
struct Merge {
  int32_t left, right, result;
};

/// The small fields of a tokenizer.json's BPE model.
struct BpeSettings {
  double dropout = 0;        ///< chance to skip a merge; used only by encode_with_dropout
  bool has_unknown = false;  ///< whether `unknown` stands for bytes without a token; else they are dropped
  std::string unknown;
  bool fuse_unknown = false;   ///< neighbouring unknowns become one
  bool byte_fallback = false;  ///< a character without a token becomes tokens <0xNN>, if the vocabulary has them all
  bool ignore_merges = false;  ///< a word that is a token is that token, whatever the merges say
  std::string continuing_subword_prefix;  ///< stands before each character of a word but the first
  std::string end_of_word_suffix;         ///< stands behind a word's last character
};

/// Byte-pair encoding (Sennrich et al. 2016) of words given as bytes. Merges are applied lowest rank first, leftmost
/// first among equals.
///
/// For a vocabulary in which every token is made by one merge, after its parts (all that a trainer makes), a row of
/// tokens is the encoding of its bytes exactly when each token alone and each two neighbours are. So encode() takes the
/// longest token that fits its left neighbour and goes back when none does: linear time, no merging. Whether two
/// neighbours fit follows from the ranks along their common border. Other vocabularies, and words with bytes that have
/// no token, go through a heap of merges.
///
/// A word's bytes are either bytes, spelled in the byte-level alphabet (`spelling` bytes), or the characters of UTF-8.
class Bpe : public WordModel {
 public:
  enum class Spelling { bytes, characters };
  /// `merges` refer to tokens of `vocabulary`; both are kept by value or reference as written here.
  Bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges, BpeSettings settings,
      Spelling spelling = Spelling::bytes);

  void encode_tokens(std::string_view word, EncodeScratch& scratch, std::vector<WordToken>& out) const override;
  /// BPE-dropout (Provilkov et al. 2020): each merge is passed over with the settings' probability, drawn from
  /// (seed, `draws`); `draws` counts on. The scratch has room for tokens_at_most().
  void encode_with_dropout(std::string_view word, uint64_t seed, uint64_t& draws, EncodeScratch& scratch) const;
  /// The plain algorithm, for checks.
  void encode_by_merging(std::string_view word, EncodeScratch& scratch) const;

  size_t tokens_at_most(size_t bytes) const override { return bytes * most_per_byte_ + 3; }
  const BpeSettings& settings() const { return settings_; }
  /// How many of the 256 bytes have a token of their own.
  int bytes_covered() const { return bytes_covered_; }
  /// Whether encode() takes the linear path.
  bool is_proper() const { return proper_; }

 protected:
  void encode_word(std::string_view word, EncodeScratch& scratch) const override;

 private:
  static constexpr uint32_t kNever = 0xFFFFFFFFu;
  /// How a token comes to be. Rank 0: a byte or a character; otherwise 1 + the merge's rank. kNever: no merge leads to
  /// it.
  struct Birth {
    int32_t left = -1, right = -1;
    uint32_t rank = kNever;
  };
  struct Dropout {
    uint64_t seed;
    uint64_t* draws;
  };
  uint32_t rank_of(int32_t left, int32_t right) const;
  void find_bytes();
  void find_characters(const std::vector<Merge>& merges);
  bool make_births();
  void make_trie();
  bool border_holds(int32_t left, int32_t right, uint32_t limit, uint64_t& work) const;
  bool fits(int32_t left, int32_t right, EncodeScratch& scratch) const;
  void encode_by_fitting(std::string_view word, EncodeScratch& scratch) const;
  void encode_known_runs(std::string_view word, EncodeScratch& scratch) const;
  bool knows_bytes(std::string_view word) const;
  int whole_word(std::string_view word) const;
  void load_bytes(std::string_view word, EncodeScratch& scratch) const;
  void load_characters(std::string_view word, EncodeScratch& scratch) const;
  void load_symbols(std::string_view word, EncodeScratch& scratch) const;
  void push_symbols(EncodeScratch& scratch) const;
  void merge_symbols(EncodeScratch& scratch, const Dropout* dropout) const;
  bool is_known(uint32_t code) const { return known_[code >> 6] >> (code & 63) & 1; }

  const Vocabulary& vocabulary_;
  BpeSettings settings_;
  Spelling spelling_;
  bool proper_ = false;
  int bytes_covered_ = 0, unknown_id_ = -1;
  size_t most_per_byte_ = 1;
  int32_t byte_ids_[256];
  std::vector<int32_t> fallback_ids_[256];  // bytes: tokens <0xNN> of the character that spells the byte
  int32_t fallback_[256];                   // characters: the token <0xNN>, or -1
  std::vector<int32_t> births_at_start_;    // tokens that are a byte or a character
  std::vector<uint64_t> known_;             // characters: one bit a code point that has a token
  std::vector<uint64_t> ranks_;             // open addressing: left << 43 | right << 22 | rank + 1
  size_t mask_ = 0;
  std::vector<int32_t> results_;  // by rank
  std::vector<Birth> births_;     // by token
  std::vector<int32_t> shorter_;  // by token: the longest other token that begins it
  std::vector<int32_t> lengths_;  // by token, in bytes
  ByteTrie trie_;
};

}  // namespace gradus
