#pragma once
#include <vector>

#include "infer/generate.h"

namespace gradus {

/// When a search ends that has as many finished texts as beams. `no`: when none of the open beams is better than the
/// worst of them by its present length; `yes`: at once; `never`: only when none can become better.
enum class EarlyStopping : uint8_t { no, yes, never };

struct BeamOptions {
  int64_t num_beams = 4;
  double length_penalty = 1;  ///< a text's score is its log-probability divided by its length to this power
  EarlyStopping early_stopping = EarlyStopping::no;
};

/// The likeliest texts that a search along `num_beams` beams finds, best first: options.sequences of them, at most
/// num_beams. Step by step what transformers' beam search does; of options.sampling only the logit bias and the
/// repetition penalty count, on log-probabilities. Throws ValueError for options that make no sense together.
std::vector<Continuation> beam_search(const CausalLm& model, const Tokenizer& tokenizer,
                                      const std::vector<int32_t>& prompt, const GenerateOptions& options,
                                      const BeamOptions& beams, const OnText& on_text = {},
                                      GenerateTiming* timing = nullptr);

}  // namespace gradus
