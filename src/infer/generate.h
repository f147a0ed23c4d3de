#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/sampler.h"
#include "models/model.h"
#include "text/tokenizer.h"

namespace gradus {

struct GenerateOptions {
  SamplingOptions sampling = {};
  int64_t max_new_tokens = 128;        ///< -1: as many as the model has positions for
  int64_t sequences = 1;               ///< continuations of the one prompt, computed as one batch
  std::vector<int32_t> eos = {};       ///< any of these tokens ends a text
  std::vector<std::string> stop = {};  ///< so does any of these strings; it is not part of the text
  int64_t prefill_chunk = 512;         ///< tokens of the prompt that are read at a time
};

/// Why a text ended. `positions`: prompt and text together fill the model's positions.
enum class StopReason { eos, stop_string, length, positions, interrupted };
const char* name_of(StopReason reason);

struct Continuation {
  std::vector<int32_t> ids;  ///< what was picked, the end-of-text token included
  std::string text;          ///< valid UTF-8, without special tokens and without the stop string
  StopReason reason = StopReason::length;
  std::string stop;  ///< the stop string that was found
};

struct GenerateTiming {
  int64_t prompt_tokens = 0, new_tokens = 0;  ///< new ones of all sequences together
  int64_t decode_steps = 0;                   ///< passes through the model after the prompt's
  double prefill_seconds = 0, decode_seconds = 0;
};

/// Text of a sequence as it becomes certain: whole characters, and nothing that may turn out to be part of a stop
/// string. Called after every pass through the model, also with nothing new; false ends all sequences.
using OnText = std::function<bool(int64_t sequence, std::string_view text)>;

/// Continues `prompt`: reads it into a key/value cache, then picks one token after another for each sequence.
/// Throws ValueError for an empty prompt, one that fills the model's positions, and impossible options; IndexError for
/// ids that the model does not have.
std::vector<Continuation> generate(const CausalLm& model, const Tokenizer& tokenizer,
                                   const std::vector<int32_t>& prompt, const GenerateOptions& options,
                                   const OnText& on_text = {}, GenerateTiming* timing = nullptr);

}  // namespace gradus
