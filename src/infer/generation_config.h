#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "infer/sampler.h"
#include "models/model.h"
#include "text/tokenizer.h"

namespace gradus {

/// What a model directory says about generating: generation_config.json first, then config.json, then the tokenizer's
/// files. A tokens given as null is not given.
struct GenerationConfig {
  std::vector<int32_t> eos;
  std::optional<int32_t> bos;
  std::optional<double> temperature, top_p, min_p, repetition_penalty;
  std::optional<int64_t> top_k;
};
/// Throws FileError naming file and key for values of a wrong type.
GenerationConfig read_generation_config(const std::filesystem::path& directory, const CausalLm& model,
                                        const Tokenizer& tokenizer);

/// The tokens of a prompt. An empty one becomes the first token of a text: bos, or else eos. Throws ValueError when
/// there is neither.
std::vector<int32_t> prompt_tokens(const Tokenizer& tokenizer, const GenerationConfig& config, std::string_view text);

}  // namespace gradus
