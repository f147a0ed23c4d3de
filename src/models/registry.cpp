#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/fields.h"
#include "models/model.h"
#include "models/text/gemma.h"
#include "models/text/gpt2.h"
#include "models/text/llama.h"
#include "models/text/phi3.h"
#include "models/text/qwen.h"

namespace gradus {

namespace {

using Store = std::unique_ptr<Parameters>;

template <class Config, auto make = make_decoder>
std::unique_ptr<CausalLm> build(Json json, const std::string& source, Store store) {
  Config config;
  Fields f(json, source);
  fields(f, config);
  return make(config, std::move(store), dump_json(json));
}

template <class Config>
std::vector<std::string> keys_of() {
  Json json = Json::object();
  Config config;
  Fields f(json, "config");
  fields(f, config);
  return f.keys();
}

struct Family {
  const char* model_type;
  const char* architecture;
  std::unique_ptr<CausalLm> (*build)(Json, const std::string&, Store);
  std::vector<std::string> (*keys)();
};

// Every decoder-only language model. A new family adds its line here.
constexpr Family kFamilies[] = {
    {"gpt2", "GPT2LMHeadModel", build<Gpt2Config, make_gpt2>, keys_of<Gpt2Config>},
    {"llama", "LlamaForCausalLM", build<LlamaConfig>, keys_of<LlamaConfig>},
    {"mistral", "MistralForCausalLM", build<MistralConfig>, keys_of<MistralConfig>},
    {"qwen2", "Qwen2ForCausalLM", build<Qwen2Config>, keys_of<Qwen2Config>},
    {"qwen3", "Qwen3ForCausalLM", build<Qwen3Config>, keys_of<Qwen3Config>},
    {"smollm3", "SmolLM3ForCausalLM", build<SmolLm3Config>, keys_of<SmolLm3Config>},
    {"gemma", "GemmaForCausalLM", build<GemmaConfig>, keys_of<GemmaConfig>},
    {"gemma2", "Gemma2ForCausalLM", build<Gemma2Config>, keys_of<Gemma2Config>},
    {"gemma3_text", "Gemma3ForCausalLM", build<Gemma3Config>, keys_of<Gemma3Config>},
    {"phi3", "Phi3ForCausalLM", build<Phi3Config>, keys_of<Phi3Config>},
};

const Family& family_named(const std::string& model_type, const std::string& source) {
  std::string names;
  for (const Family& f : kFamilies) {
    if (model_type == f.model_type) return f;
    names += (names.empty() ? "" : ", ") + std::string(f.model_type);
  }
  throw ValueError("config", source + ": \"model_type\" is \"" + model_type + "\", which Gradus does not have.",
                   "it has " + names + ".");
}

}  // namespace

std::unique_ptr<CausalLm> make_causal_lm(const Json& config, const ModelOptions& options, const std::string& source,
                                         const TensorSource* weights) {
  std::string model_type;
  Json json = config;
  Fields(json, source).text("model_type", model_type);
  const Family& family = family_named(model_type, source);
  if (!json.contains("architectures")) json["architectures"] = {family.architecture};
  auto store = std::make_unique<Parameters>(Parameters::Options{options.dtype, options.device, options.seed, weights,
                                                                options.trainable, options.packed_weights});
  auto model = family.build(std::move(json), source, std::move(store));
  model->parameters().close_source();
  return model;
}

std::vector<std::string> causal_lm_config_keys(const std::string& model_type) {
  auto keys = family_named(model_type, "recipe").keys();
  for (const char* common :
       {"model_type", "architectures", "bos_token_id", "eos_token_id", "pad_token_id", "use_cache"})
    keys.emplace_back(common);
  return keys;
}

}  // namespace gradus
