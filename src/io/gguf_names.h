#pragma once
#include <optional>
#include <string>
#include <vector>

namespace gradus {

/// How a tensor of a GGUF file differs from Hugging Face's.
enum class GgufChange : uint8_t {
  none,
  permute_q,  ///< llama's rows of each query head, halves interleaved: GGUF row 2 i + j is row j D/2 + i
  permute_k,  ///< the same for the key heads
  transpose,  ///< GPT-2's (in, out) matrices lie as (out, in)
  add_one,    ///< Gemma's norms are stored as 1 + weight
};

struct GgufName {
  std::string name;
  GgufChange change = GgufChange::none;
};

/// The GGUF architecture of a model_type ("mistral" is "llama" there); empty when Gradus has no mapping.
std::string gguf_architecture(const std::string& model_type);
/// All architectures that can be read, for errors.
std::vector<std::string> gguf_architectures();

/// "model.layers.3.mlp.up_proj.weight" -> "blk.3.ffn_up.weight". Nothing for tensors that GGUF has no place for.
std::optional<GgufName> gguf_name(const std::string& architecture, const std::string& huggingface_name);
/// The way back.
std::optional<GgufName> huggingface_name(const std::string& architecture, const std::string& gguf_name);

}  // namespace gradus
