#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/model.h"
#include "text/tokenizer.h"

namespace gradus {

/// What may stand at a mask.
struct TokenGuess {
  double score = 0;  ///< its probability
  int32_t token = 0;
  std::string token_str;
  std::string sequence;  ///< the whole text with it, special tokens left out
};
/// For each mask token in `text` the `top_k` likeliest tokens, best first. Throws ValueError when the text has no mask,
/// or the model no head for masked tokens.
std::vector<std::vector<TokenGuess>> fill_mask(const Model& model, const Tokenizer& tokenizer, std::string_view text,
                                               int64_t top_k = 5);

/// Labels with scores, best first: probabilities of one label among several, of each label by itself
/// (multi_label_classification), or the numbers themselves (regression). Names come from config.json's id2label.
/// Throws ValueError when the model does not classify whole texts.
std::vector<std::pair<std::string, double>> classify_text(const Model& model, const Tokenizer& tokenizer,
                                                          std::string_view text);

}  // namespace gradus
