#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "text/bpe.h"
#include "text/vocabulary.h"

namespace gradus {

/// Words as symbols of a vocabulary, and how often each occurs.
struct MergeWords {
  std::vector<int32_t> symbols;  // of all words, one after the other
  struct Word {
    uint64_t begin;
    uint32_t length;
    int64_t count;
  };
  std::vector<Word> words;
};

struct MergeTraining {
  int vocab_size = 30000;
  int64_t min_frequency = 0;              ///< a pair seen less often is not merged
  std::string continuing_subword_prefix;  ///< what a right part loses when it is joined: "un" + "##til" = "until"
  /// A pair that a merge brings about is not merged when it is made of so many symbols or more, as in Hugging Face.
  int64_t max_token_length = std::numeric_limits<int64_t>::max();
  std::function<void(const char* stage, int64_t done, int64_t total)> progress = {};
};

/// The merge loop of BPE (Sennrich et al. 2016): again and again the most frequent pair becomes a token, which is added
/// to `vocabulary`; among equals the one with the smaller left id, then right id. It follows Hugging Face's trainer in
/// every choice that shows in the result.
std::vector<Merge> train_merges(Vocabulary& vocabulary, MergeWords words, const MergeTraining& settings);

}  // namespace gradus
