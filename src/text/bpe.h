#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/byte_trie.h"
#include "text/vocabulary.h"

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
};

/// What one thread needs while it encodes: buffers, a cache of words, a cache of pairs. Reusable, for one Bpe only.
class BpeScratch {
 public:
  BpeScratch();
  ~BpeScratch();
  BpeScratch(const BpeScratch&) = delete;
  BpeScratch& operator=(const BpeScratch&) = delete;

  /// Room for `n` more ids behind those that are there.
  void reserve(size_t n);
  void push(int32_t id) { ids[size++] = id; }
  std::unique_ptr<int32_t[]> ids;
  size_t size = 0, capacity = 0;
  /// Grows by one for every step of an inner loop; tests use it to see how the work grows with the text.
  uint64_t work = 0;

 private:
  friend class Bpe;
  struct CachedWord {  // 32 bytes: a word of up to 15 bytes that becomes up to 3 tokens
    uint64_t low, high;
    int32_t ids[3];
    uint32_t count;
  };
  struct Symbol {
    int32_t id, previous, next;
  };
  struct Candidate {
    int64_t rank_and_place;
    int32_t result;
  };
  CachedWord* words_;  // calloc: pages that are never used cost nothing
  uint64_t* pairs_;
  std::vector<uint64_t> open_;  // one bit a byte of the word: a token may begin there
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_, skipped_;
};

/// Byte-pair encoding (Sennrich et al. 2016) of words given as bytes. Merges are applied lowest rank first, leftmost
/// first among equals.
///
/// For a vocabulary in which every token is made by one merge, after its parts (all that a trainer makes), a row of
/// tokens is the encoding of its bytes exactly when each token alone and each two neighbours are. So encode() takes the
/// longest token that fits its left neighbour and goes back when none does: linear time, no merging. Whether two
/// neighbours fit follows from the ranks along their common border. Other vocabularies go through a heap of merges.
class Bpe {
 public:
  /// `merges` refer to tokens of `vocabulary`; both are kept by value or reference as written here.
  Bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges, BpeSettings settings);

  /// Appends the tokens of `word` to the scratch's ids, which must have room for tokens_at_most(word.size()) more.
  /// `limit` is the end of the memory that holds the word: the word's bytes are read 16 at a time.
  void encode(std::string_view word, const char* limit, BpeScratch& scratch) const;
  /// BPE-dropout (Provilkov et al. 2020): each merge is passed over with the settings' probability, drawn from
  /// (seed, `draws`); `draws` counts on.
  void encode_with_dropout(std::string_view word, uint64_t seed, uint64_t& draws, BpeScratch& scratch) const;
  /// The plain algorithm, for checks.
  void encode_by_merging(std::string_view word, BpeScratch& scratch) const;

  size_t tokens_at_most(size_t bytes) const { return bytes * most_per_byte_ + 3; }
  const BpeSettings& settings() const { return settings_; }
  /// How many of the 256 bytes have a token of their own.
  int bytes_covered() const { return bytes_covered_; }
  /// Whether encode() takes the linear path.
  bool is_proper() const { return proper_; }

 private:
  static constexpr uint32_t kNever = 0xFFFFFFFFu;
  /// How a token comes to be. Rank 0: a byte; otherwise 1 + the merge's rank. kNever: no merge leads to it.
  struct Birth {
    int32_t left = -1, right = -1;
    uint32_t rank = kNever;
  };
  struct Dropout {
    uint64_t seed;
    uint64_t* draws;
  };
  uint32_t rank_of(int32_t left, int32_t right) const;
  bool make_births();
  void make_trie();
  bool border_holds(int32_t left, int32_t right, uint32_t limit, uint64_t& work) const;
  bool fits(int32_t left, int32_t right, BpeScratch& scratch) const;
  void encode_by_fitting(std::string_view word, BpeScratch& scratch) const;
  void load_symbols(std::string_view word, BpeScratch& scratch) const;
  void merge_symbols(BpeScratch& scratch, const Dropout* dropout) const;

  const Vocabulary& vocabulary_;
  BpeSettings settings_;
  bool proper_ = false;
  int bytes_covered_ = 0, unknown_id_ = -1;
  size_t most_per_byte_ = 1;
  int32_t byte_ids_[256];
  std::vector<int32_t> fallback_ids_[256];  // tokens <0xNN> of the character that spells the byte
  std::vector<uint64_t> ranks_;             // open addressing: left << 43 | right << 22 | rank + 1
  size_t mask_ = 0;
  std::vector<int32_t> results_;  // by rank
  std::vector<Birth> births_;     // by token
  std::vector<int32_t> shorter_;  // by token: the longest other token that begins it
  std::vector<int32_t> lengths_;  // by token, in bytes
  ByteTrie trie_;
};

}  // namespace gradus
