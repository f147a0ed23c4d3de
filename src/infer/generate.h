#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "infer/grammar.h"
#include "infer/sampler.h"
#include "infer/sequence.h"
#include "models/model.h"

namespace gradus {

struct GenerateOptions {
  SamplingOptions sampling = {};
  int64_t max_new_tokens = 128;        ///< -1: as many as the model has positions for
  int64_t sequences = 1;               ///< continuations of each prompt, computed as one batch
  std::vector<int32_t> eos = {};       ///< any of these tokens ends a text
  std::vector<std::string> stop = {};  ///< so does any of these strings; it is not part of the text
  int64_t prefill_chunk = 512;         ///< tokens of the prompt that are read at a time
  int64_t logprobs = -1;               ///< log-probabilities of what is picked and of so many likeliest; -1: none
  KvType cache_type = KvType::model;
  std::shared_ptr<const Grammar> grammar = {};  ///< what the text may be
  /// Speculative decoding (Leviathan et al. 2023) of a single text: this model, of the same vocabulary, guesses
  /// `draft_tokens` ahead, and the model reads the guesses in one pass. The text is the one without it: a guess stays
  /// when it is what the model picks itself.
  const CausalLm* draft = nullptr;
  int64_t draft_tokens = 8;
  /// Of a single prompt: what was read is kept in this file, and read from it next time as far as the prompts agree.
  std::filesystem::path prompt_cache = {};
};

struct GenerateTiming {
  int64_t prompt_tokens = 0, new_tokens = 0;  ///< new ones of all sequences together
  int64_t cached_tokens = 0;                  ///< of the prompt, from the prompt cache
  int64_t decode_steps = 0;                   ///< passes through the model after the prompt's
  int64_t drafted = 0, accepted = 0;          ///< guesses, and those that stayed
  double prefill_seconds = 0, decode_seconds = 0;
};

/// Text of a sequence as it becomes certain: whole characters, and nothing that may turn out to be part of a stop
/// string. Called after every pass through the model, also with nothing new; false ends all sequences.
using OnText = std::function<bool(int64_t sequence, std::string_view text)>;

/// Continues each of `prompts`, which may differ in length: reads them into a key/value cache, then picks one token
/// after another for each sequence. Prompt p has the sequences p * options.sequences and following.
/// Throws ValueError for an empty prompt, one that fills the model's positions, and impossible options; IndexError for
/// ids that the model does not have.
std::vector<Continuation> generate(const CausalLm& model, const Tokenizer& tokenizer,
                                   const std::vector<std::vector<int32_t>>& prompts, const GenerateOptions& options,
                                   const OnText& on_text = {}, GenerateTiming* timing = nullptr);
/// Of one prompt.
std::vector<Continuation> generate(const CausalLm& model, const Tokenizer& tokenizer,
                                   const std::vector<int32_t>& prompt, const GenerateOptions& options,
                                   const OnText& on_text = {}, GenerateTiming* timing = nullptr);

}  // namespace gradus
