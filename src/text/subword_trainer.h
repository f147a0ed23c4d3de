#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bpe.h"
#include "text/vocabulary.h"

namespace gradus {

/// Distinct words with their counts, in an order that does not depend on threads.
using WordFrequencies = std::vector<std::pair<std::string, int64_t>>;

/// The settings of Hugging Face's BpeTrainer and WordPieceTrainer.
struct SubwordTraining {
  int vocab_size = 30000;
  int64_t min_frequency = 0;
  std::vector<std::string> special_tokens = {};  ///< take the first ids, in this order
  /// At most so many single characters, the most frequent; others are left out of the words.
  std::optional<int64_t> limit_alphabet = {};
  std::string initial_alphabet = {};  ///< characters that are tokens even if the texts lack them
  std::string continuing_subword_prefix = {};
  std::string end_of_word_suffix = {};
  std::optional<int64_t> max_token_length = {};  ///< see MergeTraining
  std::function<void(const char* stage, int64_t done, int64_t total)> progress = {};
};

struct SubwordVocabulary {
  Vocabulary vocabulary;
  std::vector<Merge> merges;
};

/// BPE over characters. Ids: special tokens, the alphabet by code point, the characters with prefix or suffix, then one
/// a merge; ties as in train_merges(). With the prefix "##" the vocabulary is WordPiece's, as Hugging Face trains it
/// (by frequency, not by Schuster and Nakajima's likelihood).
/// Throws ValueError when vocab_size cannot hold special tokens and alphabet, and for special tokens as
/// train_byte_level_bpe() does.
SubwordVocabulary train_subwords(const WordFrequencies& words, const SubwordTraining& settings);

/// Throws ValueError for special tokens that are empty, no UTF-8, or listed twice.
void check_special_tokens(const std::vector<std::string>& tokens);

}  // namespace gradus
