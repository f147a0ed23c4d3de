#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "infer/decoding.h"

namespace gradus {

/// Writes what `decoding` (of one row) has read, tokens, keys and values, as safetensors; atomically.
void save_prompt_cache(const std::filesystem::path& file, const CausalLm& model, Decoding& decoding);

/// Fills `decoding` from the file as far as its tokens agree with `prompt` and at least the last one is left to read;
/// gives how many that are. 0 when there is no such file, or windows have lost what came before. Throws FileError for a
/// file that is none, or is another model's.
int64_t load_prompt_cache(const std::filesystem::path& file, const CausalLm& model, const std::vector<int32_t>& prompt,
                          Decoding& decoding);

}  // namespace gradus
