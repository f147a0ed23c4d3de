#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/fields.h"
#include "models/heads.h"
#include "models/model.h"
#include "models/text/bart.h"
#include "models/text/bert.h"
#include "models/text/decoder_model.h"
#include "models/text/gemma.h"
#include "models/text/gpt2.h"
#include "models/text/llama.h"
#include "models/text/modernbert.h"
#include "models/text/phi3.h"
#include "models/text/qwen.h"
#include "models/text/t5.h"

namespace gradus {

namespace {

using SharedStore = std::shared_ptr<Parameters>;

template <class Config, auto make = make_decoder>
std::unique_ptr<CausalLm> build(Json json, const std::string& source, SharedStore store) {
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
  std::unique_ptr<CausalLm> (*build)(Json, const std::string&, SharedStore);
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

template <class Config, std::unique_ptr<Model> (*make)(const Config&, Head, SharedStore, std::string)>
std::unique_ptr<Model> build_with_head(Json json, const std::string& source, Head head, SharedStore store) {
  Config config;
  Fields f(json, source);
  fields(f, config);
  return make(config, head, std::move(store), dump_json(json));
}

struct HeadedFamily {
  const char* model_type;
  const char* class_name;
  std::vector<Head> heads;  // the first one when config.json names none
  std::unique_ptr<Model> (*build)(Json, const std::string&, Head, SharedStore);
  std::vector<std::string> (*keys)();
};

// Every encoder and encoder–decoder with the heads that it has. A new family adds its line here.
const std::vector<HeadedFamily>& headed_families() {
  using enum Head;
  static const std::vector<HeadedFamily> families{
      {"bert",
       "Bert",
       {masked_lm, none, pretraining, next_sentence, sequence_classification, token_classification, question_answering,
        multiple_choice},
       build_with_head<BertConfig, make_bert>,
       keys_of<BertConfig>},
      {"roberta",
       "Roberta",
       {masked_lm, none, sequence_classification, token_classification, question_answering, multiple_choice},
       build_with_head<RobertaConfig, make_roberta>,
       keys_of<RobertaConfig>},
      {"distilbert",
       "DistilBert",
       {masked_lm, none, sequence_classification, token_classification, question_answering, multiple_choice},
       build_with_head<DistilBertConfig, make_distilbert>,
       keys_of<DistilBertConfig>},
      {"modernbert",
       "ModernBert",
       {masked_lm, none, sequence_classification, token_classification, question_answering, multiple_choice},
       build_with_head<ModernBertConfig, make_modernbert>,
       keys_of<ModernBertConfig>},
      {"t5",
       "T5",
       {conditional_generation, none, encoder, sequence_classification, token_classification, question_answering},
       build_with_head<T5Config, make_t5>,
       keys_of<T5Config>},
      {"bart",
       "Bart",
       {conditional_generation, none, sequence_classification, question_answering},
       build_with_head<BartConfig, make_bart>,
       keys_of<BartConfig>},
      {"transformer",
       "Transformer",
       {conditional_generation, none},
       build_with_head<TransformerConfig, make_transformer>,
       keys_of<TransformerConfig>},
  };
  return families;
}

const Family* find_causal(const std::string& model_type) {
  for (const Family& f : kFamilies)
    if (model_type == f.model_type) return &f;
  return nullptr;
}

const HeadedFamily* find_headed(const std::string& model_type) {
  for (const HeadedFamily& f : headed_families())
    if (model_type == f.model_type) return &f;
  return nullptr;
}

[[noreturn]] void refuse_family(const std::string& model_type, const std::string& source, bool causal_only) {
  std::string names;
  const auto name = [&names](const char* family) { names += (names.empty() ? "" : ", ") + std::string(family); };
  for (const Family& f : kFamilies) name(f.model_type);
  if (!causal_only)
    for (const HeadedFamily& f : headed_families()) name(f.model_type);
  const bool headed = causal_only && find_headed(model_type);
  throw ValueError("config",
                   source + ": \"model_type\" is \"" + model_type + "\", which " +
                       (headed ? "is no decoder-only language model." : "Gradus does not have."),
                   (headed ? "those are " : "it has ") + names + ".");
}

std::string model_type_of(const Json& config, const std::string& source) {
  std::string model_type;
  Json json = config;
  Fields(json, source).text("model_type", model_type);
  return model_type;
}

// The architecture that config.json names first; empty when it names none.
std::string architecture_of(const Json& config, const std::string& source) {
  const auto it = config.find("architectures");
  if (it == config.end() || it->is_null() || (it->is_array() && it->empty())) return "";
  if (!it->is_array() || !it->front().is_string())
    throw ValueError("config", source + ": \"architectures\" must be a list of class names, found " +
                                   dump_json(*it).substr(0, 80) + ".");
  return it->front().get<std::string>();
}

SharedStore store_of(const ModelOptions& options, const TensorSource* weights) {
  return std::make_shared<Parameters>(Parameters::Options{options.dtype, options.device, options.seed, weights,
                                                          options.trainable, options.packed_weights});
}

// "LlamaForCausalLM" -> "Llama"
std::string class_of(const Family& family) {
  std::string name = family.architecture;
  for (const std::string ending : {"LMHeadModel", "ForCausalLM"})
    if (name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
      name.resize(name.size() - ending.size());
  return name;
}

// The class of a family's body alone, of an encoder where there is one: "BertModel", "T5EncoderModel".
std::string body_of(const std::string& model_type) {
  if (const Family* family = find_causal(model_type)) return class_of(*family) + "Model";
  const HeadedFamily* family = find_headed(model_type);
  if (!family) return "";
  Head body = Head::none;
  for (Head head : family->heads)
    if (head == Head::encoder) body = head;
  return std::string(family->class_name) + suffix_of(body);
}

// A decoder under another head than its own, or under none.
std::unique_ptr<Model> make_headed_decoder(const Family& family, Json json, Head head, const std::string& source,
                                           SharedStore store) {
  Labelling labelling;
  int64_t pad = -1;
  Fields f(json, source);
  if (head == Head::sequence_classification) fields(f, labelling);
  f.token("pad_token_id", pad);
  // The output layer is not made when it is tied.
  Json bodied = json;
  bodied["tie_word_embeddings"] = true;
  auto body = family.build(std::move(bodied), source, store);
  Json text = parse_json(body->config(), source);
  if (json.contains("tie_word_embeddings"))
    text["tie_word_embeddings"] = json["tie_word_embeddings"];
  else
    text.erase("tie_word_embeddings");
  return make_decoder_model(std::move(body), std::move(store), dump_json(text), head, labelling, pad);
}

}  // namespace

std::unique_ptr<CausalLm> make_causal_lm(const Json& config, const ModelOptions& options, const std::string& source,
                                         const TensorSource* weights) {
  const std::string model_type = model_type_of(config, source);
  const Family* family = find_causal(model_type);
  if (!family) refuse_family(model_type, source, true);
  Json json = config;
  if (!json.contains("architectures")) json["architectures"] = {family->architecture};
  auto model = family->build(std::move(json), source, store_of(options, weights));
  model->parameters().close_source();
  return model;
}

std::unique_ptr<Model> make_model(const Json& config, const ModelOptions& options, const std::string& source,
                                  const TensorSource* weights) {
  const std::string model_type = model_type_of(config, source);
  std::string architecture = architecture_of(config, source);
  if (options.body_only) architecture = body_of(model_type);
  std::unique_ptr<Model> model;
  if (const Family* family = find_causal(model_type)) {
    std::string class_name = class_of(*family);
    // transformers' language model is Gemma3ForCausalLM, and its body Gemma3TextModel
    if (architecture.starts_with("Gemma3Text")) class_name = "Gemma3Text";
    const Head head = architecture.empty() ? Head::causal_lm : head_of(architecture, class_name, source);
    if (head == Head::causal_lm) return make_causal_lm(config, options, source, weights);
    // A tied decoder saved without its output layer has lost nothing: it is a language model still.
    const bool tied = config.value("tie_word_embeddings", model_type == "gpt2" || model_type.rfind("gemma", 0) == 0);
    if (head != Head::none && head != Head::sequence_classification)
      throw ValueError("config", source + ": the family " + model_type + " has no " + architecture + ".",
                       "a decoder is a model, a language model or a classifier of sequences.");
    const bool whole = head == Head::none && tied && !options.body_only;
    model = make_headed_decoder(*family, config, whole ? Head::causal_lm : head, source, store_of(options, weights));
  } else if (const HeadedFamily* headed = find_headed(model_type)) {
    Json json = config;
    Head head = headed->heads.front();
    if (architecture.empty())
      json["architectures"] = {std::string(headed->class_name) + suffix_of(head)};
    else
      head = head_of(architecture, headed->class_name, source);
    std::string names;
    bool known = false;
    for (Head h : headed->heads) {
      known |= h == head;
      names += (names.empty() ? "" : ", ") + std::string(headed->class_name) + suffix_of(h);
    }
    if (!known)
      throw ValueError("config", source + ": the family " + model_type + " has no " + architecture + ".",
                       "it has " + names + ".");
    model = headed->build(std::move(json), source, head, store_of(options, weights));
  } else {
    refuse_family(model_type, source, false);
  }
  model->parameters().close_source();
  return model;
}

bool is_causal_lm(const std::string& model_type) { return find_causal(model_type) != nullptr; }

std::vector<std::string> model_config_keys(const std::string& model_type) {
  std::vector<std::string> keys;
  if (const Family* family = find_causal(model_type))
    keys = family->keys();
  else if (const HeadedFamily* headed = find_headed(model_type))
    keys = headed->keys();
  else
    refuse_family(model_type, "recipe", false);
  for (const char* common :
       {"model_type", "architectures", "bos_token_id", "eos_token_id", "pad_token_id", "use_cache"})
    keys.emplace_back(common);
  return keys;
}

}  // namespace gradus
