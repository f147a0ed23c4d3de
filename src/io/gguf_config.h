#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "io/gguf.h"

namespace gradus {

/// The configuration of a GGUF file as Hugging Face's config.json: the one that `gradus convert` kept inside, or one
/// made from the fields that llama.cpp's converters write. Throws FileError naming the field that is missing or
/// impossible, and for architectures without a mapping.
Json gguf_config(const Gguf& file);

/// The fields of a config.json for `architecture`.
std::vector<GgufField> gguf_config_fields(const Json& config, const std::string& architecture);

/// Rotary factors that GGUF keeps as tensors: "rope_freqs.weight" of llama3 scaling, "rope_factors_long.weight" and
/// "rope_factors_short.weight" of longrope.
std::vector<std::pair<std::string, std::vector<float>>> gguf_rope_tensors(const Json& config);

/// The name under which a GGUF file keeps a text file of the Hugging Face folder it was made from.
std::string gguf_key_of_file(const std::string& file_name);

}  // namespace gradus
