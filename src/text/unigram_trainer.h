#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "text/subword_trainer.h"

namespace gradus {

/// The settings of Hugging Face's UnigramTrainer.
struct UnigramTraining {
  int vocab_size = 8000;
  std::vector<std::string> special_tokens = {};  ///< take the first ids; the unknown token may be among them
  std::string unknown_token = {};                ///< empty: none
  std::string initial_alphabet = {};             ///< characters that are tokens even if the texts lack them
  int max_piece_length = 16;                     ///< characters
  double shrinking_factor = 0.75;                ///< what a round of pruning keeps
  int sub_iterations = 2;                        ///< of EM between two prunings
  int64_t seed_size = 1'000'000;                 ///< candidates to begin with
  std::function<void(const char* stage, int64_t done, int64_t total)> progress = {};
};

struct UnigramVocabulary {
  std::vector<std::pair<std::string, double>> pieces;  ///< in the order of their ids, with log-probabilities
  int32_t unknown_id = -1;
};

/// The unigram language model (Kudo 2018, 1804.10959, section 3.2): begins with all frequent substrings of the words,
/// fits their probabilities by EM, and drops in each round those whose loss the likelihood feels least, until
/// vocab_size are left. Characters of the words stay always. Seeds weigh words by their counts. The result does not
/// depend on the number of threads. Throws ValueError when vocab_size cannot hold special tokens and characters.
UnigramVocabulary train_unigram(const WordFrequencies& words, const UnigramTraining& settings);

/// sum over words of count * log P(word), P summed over all cuts into pieces; words that cannot be cut are left out.
double unigram_log_likelihood(const WordFrequencies& words, const std::vector<std::pair<std::string, double>>& pieces);

}  // namespace gradus
