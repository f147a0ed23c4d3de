#pragma once
#include <string>
#include <vector>

#include "data/packing.h"
#include "io/metrics.h"
#include "models/model.h"
#include "text/tokenizer.h"

namespace gradus {

/// Texts as token ids, on all cores; special tokens written out in them are text like any other.
TokenDocuments tokenize_documents(const Tokenizer& tokenizer, const std::vector<std::string>& texts,
                                  int32_t end_of_text);

/// The token that separates documents: `name` when it is not empty, else the tokenizer's end or beginning of text.
/// Throws ValueError when there is none.
int32_t end_of_text_of(const Tokenizer& tokenizer, const std::string& name = "");

/// The same shapes on another device: meta ones have no numbers.
LmBatch on_device(LmBatch batch, Device device);

struct LmEvaluation {
  double nats = 0;      ///< -log p, summed over all predicted tokens
  int64_t targets = 0;  ///< how many these are: every token, and the end of every document
  int64_t bytes = 0;    ///< of the texts in UTF-8
  double loss() const;
  double perplexity() const;
  /// nats / ln 2 / bytes: unlike loss and perplexity comparable between tokenizers.
  double bits_per_byte() const;
  /// eval_loss, eval_perplexity, eval_bits_per_byte, eval_tokens.
  MetricsRow row() const;
};
/// Reads each document on its own, in pieces of at most `block_size` tokens (see WholeDocuments). On the
/// meta device one batch, without numbers.
LmEvaluation evaluate_causal_lm(const CausalLm& model, const TokenDocuments& documents, int64_t bytes,
                                int64_t block_size, int64_t rows);

}  // namespace gradus
