#include "io/gguf_names.h"

#include <algorithm>
#include <cstring>

namespace gradus {

namespace {

struct Architecture {
  const char* model_type;
  const char* gguf;
  const char* layout;  // which rows of the table hold
};
// The first line of a GGUF name is the model_type that a file becomes.
constexpr Architecture kArchitectures[] = {{"llama", "llama", "decoder"},  {"mistral", "llama", "decoder"},
                                           {"qwen2", "qwen2", "decoder"},  {"qwen3", "qwen3", "decoder"},
                                           {"phi3", "phi3", "decoder"},    {"gemma", "gemma", "decoder"},
                                           {"gemma2", "gemma2", "gemma2"}, {"gemma3_text", "gemma3", "gemma2"},
                                           {"gemma3", "gemma3", "gemma2"}, {"smollm3", "smollm3", "decoder"},
                                           {"gpt2", "gpt2", "gpt2"},       {"bert", "bert", "bert"}};

struct Row {
  const char* layouts;  // those that have it
  const char* huggingface;
  const char* gguf;
  GgufChange change = GgufChange::none;
};
// Without ".weight" and ".bias"; # is the number of the layer. Rows of one layout come before those that share a name.
constexpr Row kRows[] = {
    {"decoder gemma2", "model.embed_tokens", "token_embd"},
    {"decoder gemma2", "model.norm", "output_norm", GgufChange::add_one},
    {"decoder gemma2", "lm_head", "output"},
    {"decoder gemma2", "model.layers.#.input_layernorm", "blk.#.attn_norm", GgufChange::add_one},
    {"decoder gemma2", "model.layers.#.self_attn.q_proj", "blk.#.attn_q", GgufChange::permute_q},
    {"decoder gemma2", "model.layers.#.self_attn.k_proj", "blk.#.attn_k", GgufChange::permute_k},
    {"decoder gemma2", "model.layers.#.self_attn.v_proj", "blk.#.attn_v"},
    {"decoder gemma2", "model.layers.#.self_attn.qkv_proj", "blk.#.attn_qkv"},
    {"decoder gemma2", "model.layers.#.self_attn.o_proj", "blk.#.attn_output"},
    {"decoder gemma2", "model.layers.#.self_attn.q_norm", "blk.#.attn_q_norm", GgufChange::add_one},
    {"decoder gemma2", "model.layers.#.self_attn.k_norm", "blk.#.attn_k_norm", GgufChange::add_one},
    {"decoder gemma2", "model.layers.#.mlp.gate_proj", "blk.#.ffn_gate"},
    {"decoder gemma2", "model.layers.#.mlp.up_proj", "blk.#.ffn_up"},
    {"decoder gemma2", "model.layers.#.mlp.gate_up_proj", "blk.#.ffn_up"},
    {"decoder gemma2", "model.layers.#.mlp.down_proj", "blk.#.ffn_down"},
    {"decoder", "model.layers.#.post_attention_layernorm", "blk.#.ffn_norm", GgufChange::add_one},
    {"gemma2", "model.layers.#.post_attention_layernorm", "blk.#.post_attention_norm", GgufChange::add_one},
    {"gemma2", "model.layers.#.pre_feedforward_layernorm", "blk.#.ffn_norm", GgufChange::add_one},
    {"gemma2", "model.layers.#.post_feedforward_layernorm", "blk.#.post_ffw_norm", GgufChange::add_one},
    {"gpt2", "transformer.wte", "token_embd"},
    {"gpt2", "transformer.wpe", "position_embd"},
    {"gpt2", "transformer.ln_f", "output_norm"},
    {"gpt2", "lm_head", "output"},
    {"gpt2", "transformer.h.#.ln_1", "blk.#.attn_norm"},
    {"gpt2", "transformer.h.#.attn.c_attn", "blk.#.attn_qkv", GgufChange::transpose},
    {"gpt2", "transformer.h.#.attn.c_proj", "blk.#.attn_output", GgufChange::transpose},
    {"gpt2", "transformer.h.#.ln_2", "blk.#.ffn_norm"},
    {"gpt2", "transformer.h.#.mlp.c_fc", "blk.#.ffn_up", GgufChange::transpose},
    {"gpt2", "transformer.h.#.mlp.c_proj", "blk.#.ffn_down", GgufChange::transpose},
    {"bert", "bert.embeddings.word_embeddings", "token_embd"},
    {"bert", "bert.embeddings.position_embeddings", "position_embd"},
    {"bert", "bert.embeddings.token_type_embeddings", "token_types"},
    {"bert", "bert.embeddings.LayerNorm", "token_embd_norm"},
    {"bert", "bert.encoder.layer.#.attention.self.query", "blk.#.attn_q"},
    {"bert", "bert.encoder.layer.#.attention.self.key", "blk.#.attn_k"},
    {"bert", "bert.encoder.layer.#.attention.self.value", "blk.#.attn_v"},
    {"bert", "bert.encoder.layer.#.attention.output.dense", "blk.#.attn_output"},
    {"bert", "bert.encoder.layer.#.attention.output.LayerNorm", "blk.#.attn_output_norm"},
    {"bert", "bert.encoder.layer.#.intermediate.dense", "blk.#.ffn_up"},
    {"bert", "bert.encoder.layer.#.output.dense", "blk.#.ffn_down"},
    {"bert", "bert.encoder.layer.#.output.LayerNorm", "blk.#.layer_output_norm"},
};

const char* layout_of(const std::string& architecture) {
  for (const Architecture& a : kArchitectures)
    if (architecture == a.gguf) return a.layout;
  return nullptr;
}

// Whether `layouts` has the word.
bool lists(const char* layouts, const char* layout) {
  const std::string all = std::string(" ") + layouts + " ";
  return all.find(std::string(" ") + layout + " ") != std::string::npos;
}

// The number that stands for # when `text` is of the pattern's form; "" when the pattern has none; nothing otherwise.
std::optional<std::string> match(std::string_view text, std::string_view pattern) {
  const size_t hash = pattern.find('#');
  if (hash == std::string_view::npos) return text == pattern ? std::optional<std::string>("") : std::nullopt;
  const std::string_view before = pattern.substr(0, hash), after = pattern.substr(hash + 1);
  if (!text.starts_with(before)) return std::nullopt;
  text.remove_prefix(before.size());
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 6 || text.substr(digits) != after) return std::nullopt;
  return std::string(text.substr(0, digits));
}

std::string filled(std::string pattern, const std::string& number) {
  if (const size_t hash = pattern.find('#'); hash != std::string::npos) pattern.replace(hash, 1, number);
  return pattern;
}

// The change of a row, as far as the architecture makes it.
GgufChange change_of(const Row& row, const std::string& architecture, bool bias) {
  switch (row.change) {
    case GgufChange::permute_q:
    case GgufChange::permute_k: return architecture == "llama" ? row.change : GgufChange::none;
    case GgufChange::add_one: return architecture.starts_with("gemma") && !bias ? row.change : GgufChange::none;
    default: return bias ? GgufChange::none : row.change;
  }
}

}  // namespace

std::string gguf_architecture(const std::string& model_type) {
  for (const Architecture& a : kArchitectures)
    if (model_type == a.model_type) return a.gguf;
  return "";
}

std::vector<std::string> gguf_architectures() {
  std::vector<std::string> names;
  for (const Architecture& a : kArchitectures)
    if (std::find(names.begin(), names.end(), a.gguf) == names.end()) names.emplace_back(a.gguf);
  return names;
}

std::optional<GgufName> gguf_name(const std::string& architecture, const std::string& name) {
  const char* layout = layout_of(architecture);
  const size_t dot = name.rfind('.');
  if (!layout || dot == std::string::npos) return std::nullopt;
  const std::string stem = name.substr(0, dot), suffix = name.substr(dot);
  if (suffix != ".weight" && suffix != ".bias") return std::nullopt;
  for (const Row& row : kRows) {
    if (!lists(row.layouts, layout)) continue;
    auto number = match(stem, row.huggingface);
    // Models without a head leave out the first part of their names.
    if (const char* first = std::strchr(row.huggingface, '.'); !number && first) number = match(stem, first + 1);
    if (!number) continue;
    return GgufName{filled(row.gguf, *number) + suffix, change_of(row, architecture, suffix == ".bias")};
  }
  return std::nullopt;
}

std::optional<GgufName> huggingface_name(const std::string& architecture, const std::string& name) {
  const char* layout = layout_of(architecture);
  const size_t dot = name.rfind('.');
  if (!layout || dot == std::string::npos) return std::nullopt;
  const std::string stem = name.substr(0, dot), suffix = name.substr(dot);
  for (const Row& row : kRows) {
    if (!lists(row.layouts, layout)) continue;
    // Phi-3 keeps gate and up in one matrix, under the name that the others give to up alone.
    if (std::strcmp(row.gguf, "blk.#.ffn_up") == 0 && std::strcmp(layout, "decoder") == 0 &&
        (architecture == "phi3") != (std::strstr(row.huggingface, "gate_up_proj") != nullptr))
      continue;
    if (const auto number = match(stem, row.gguf))
      return GgufName{filled(row.huggingface, *number) + suffix, change_of(row, architecture, suffix == ".bias")};
  }
  return std::nullopt;
}

}  // namespace gradus
