#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace gradus {

struct BpeTraining {
  int vocab_size = 32768;                              ///< special tokens and the 256 bytes included
  int64_t min_frequency = 2;                           ///< a pair seen less often is not merged
  std::vector<std::string> special_tokens = {};        ///< take the first ids, in this order
  std::string bos = {}, eos = {}, pad = {}, unk = {};  ///< roles, each one of the special tokens; empty: none
  bool add_prefix_space = false;
  /// Called now and then with what is done and what there is to do ("words": bytes read, "merges": tokens made).
  std::function<void(const char* stage, int64_t done, int64_t total)> progress;
};

/// Trains byte-level BPE (Sennrich et al. 2016, on GPT-2's alphabet and words) on `texts`, each a document that words
/// do not cross. The result depends on texts and settings only, not on the number of threads, and equals that of
/// Hugging Face's BpeTrainer with initial_alphabet=ByteLevel.alphabet().
///
/// Which pair is merged next: the most frequent; among equals the one with the smaller left id, then right id. Ids:
/// special tokens, then the 256 bytes in the order of the characters that spell them, then one a merge.
///
/// Throws ValueError when vocab_size cannot hold the special tokens and the bytes, or a special token is empty, listed
/// twice, or named as a role without being listed.
Tokenizer train_byte_level_bpe(const std::vector<std::string_view>& texts, const BpeTraining& settings);

}  // namespace gradus
