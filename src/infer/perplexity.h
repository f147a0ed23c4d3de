#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "models/model.h"

namespace gradus {

struct PerplexityOptions {
  int64_t context = 0;  ///< tokens of a window; 0: the model's positions, 2048 at most
  int64_t stride = 0;   ///< how far the next window begins behind; 0: half a window
};

struct Perplexity {
  double nats = 0;     ///< -log p, summed over the tokens that were predicted
  int64_t tokens = 0;  ///< how many these are: all but the first of the text
  double squares = 0;  ///< of the nats of each
  int64_t context = 0, stride = 0;
  double loss() const;
  double value() const;           ///< exp of the mean
  double standard_error() const;  ///< of value()
};

/// exp of the mean of -log p over the tokens of one text, read through a sliding window: each window predicts the
/// tokens that the one before did not reach, and sees at least context - stride before them. With stride = context
/// windows share nothing, and the first token of each is not predicted. `on_window(done, total)` may stop it by false.
/// Throws ValueError for a text of fewer than two tokens and for a window that makes no sense.
Perplexity perplexity(const CausalLm& model, const std::vector<int32_t>& tokens, PerplexityOptions options = {},
                      const std::function<bool(int64_t done, int64_t total)>& on_window = {});

}  // namespace gradus
