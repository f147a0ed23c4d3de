#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "infer/stop_strings.h"
#include "text/tokenizer.h"

namespace gradus {

/// Why a text ended. `positions`: prompt and text together fill the model's positions.
enum class StopReason { eos, stop_string, length, positions, grammar, interrupted };
const char* name_of(StopReason reason);

/// A token with its log-probability under the model: before penalties, temperature and filters.
struct TokenLogprob {
  int32_t id = 0;
  double logprob = 0;
};
struct StepLogprobs {
  TokenLogprob picked;
  std::vector<TokenLogprob> top;  ///< the likeliest, in order
};

struct Continuation {
  std::vector<int32_t> ids;  ///< what was picked, the end-of-text token included
  std::string text;          ///< valid UTF-8, without special tokens and without the stop string
  StopReason reason = StopReason::length;
  std::string stop;                    ///< the stop string that was found
  std::vector<StepLogprobs> logprobs;  ///< one an id, when asked for
  double score = 0;                    ///< beam search: log-probability over length^length_penalty
};

/// One text in the making: ids become text as soon as it is certain, and end-of-text tokens and stop strings end it.
class Sequence {
 public:
  Sequence(const Tokenizer& tokenizer, const std::vector<int32_t>& prompt, const std::vector<int32_t>& eos,
           const std::vector<std::string>& stop);

  std::vector<int32_t> seen;  ///< prompt and text
  Continuation result;
  bool done = false;

  bool ends(int32_t id) const;
  /// Takes the next token and gives the text that became certain.
  std::string push(int32_t id);
  /// Ends the text and gives what was held back.
  std::string finish(StopReason reason);

 private:
  std::string add(std::string text);

  Tokenizer tokenizer_;
  StreamDecoder decoder_;
  StopStrings stops_;
  std::vector<int32_t> eos_;
};

/// log softmax of one row of logits at `picked`, and the `n` largest.
StepLogprobs logprobs_of(const float* logits, int64_t vocab, int32_t picked, int64_t n);

}  // namespace gradus
