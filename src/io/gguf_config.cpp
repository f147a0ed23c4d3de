#include "io/gguf_config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/gguf_names.h"

namespace gradus {

namespace {

// A number of either spelling of the rotary settings, or null.
Json rope_setting(const Json& config, const char* key) {
  for (const char* group : {"rope_parameters", "rope_scaling"}) {
    const auto at = config.find(group);
    if (at == config.end() || !at->is_object()) continue;
    if (const auto value = at->find(key); value != at->end()) return *value;
    // Gemma 3 keeps one set for each kind of layer.
    if (const auto full = at->find("full_attention"); full != at->end() && full->is_object() && full->contains(key))
      return (*full)[key];
  }
  const auto at = config.find(key);
  return at == config.end() ? Json() : *at;
}

std::string rope_type(const Json& config) {
  for (const char* key : {"rope_type", "type"})
    if (const Json type = rope_setting(config, key); type.is_string()) return type.get<std::string>();
  return "default";
}

// The fields of one architecture, read with defaults.
class Fields {
 public:
  explicit Fields(const Gguf& file)
      : file_(file), prefix_(std::string(file.require("general.architecture").text()) + ".") {}

  const GgufField* find(const std::string& key) const { return file_.field(prefix_ + key); }
  int64_t integer(const std::string& key) const { return one(file_.require(prefix_ + key)); }
  int64_t integer(const std::string& key, int64_t otherwise) const {
    const GgufField* f = find(key);
    return f ? one(*f) : otherwise;
  }
  double number(const std::string& key, double otherwise) const {
    const GgufField* f = find(key);
    return f ? f->number() : otherwise;
  }
  // f32 has 24 bits: the shortest decimal that rounds to it is what the configuration said.
  static double shortest(double x) {
    char text[32];
    for (int digits = 1; digits <= 9; ++digits) {
      std::snprintf(text, sizeof(text), "%.*g", digits, x);
      const double value = std::strtod(text, nullptr);
      if (static_cast<float>(value) == static_cast<float>(x)) return value;
    }
    return x;
  }

 private:
  // Some files give a list with one number for each layer.
  int64_t one(const GgufField& f) const {
    if (!f.is_array()) return f.integer();
    const std::vector<int64_t> all = f.integers();
    for (const int64_t v : all)
      if (v != all.front())
        throw FileError("gguf", file_.describe() + ": \"" + f.key() + "\" differs from layer to layer.",
                        "Gradus reads models whose layers are alike.");
    if (all.empty()) throw FileError("gguf", file_.describe() + ": \"" + f.key() + "\" is an empty list.");
    return all.front();
  }
  const Gguf& file_;
  std::string prefix_;
};

std::vector<float> floats(const Tensor& t) { return t.to_vector<float>(); }

// factor of each frequency: 1 for short waves, `factor` for long ones, blended between.
std::vector<float> llama3_factors(int64_t dim, double theta, double factor, double low, double high, double original) {
  std::vector<float> out;
  for (int64_t i = 0; i < dim / 2; ++i) {
    const double wave = 2 * M_PI * std::pow(theta, static_cast<double>(2 * i) / static_cast<double>(dim));
    double f = 1;
    if (wave > original / low) {
      f = factor;
    } else if (wave > original / high) {
      const double smooth = (original / wave - low) / (high - low);
      f = 1 / ((1 - smooth) / factor + smooth);
    }
    out.push_back(static_cast<float>(f));
  }
  return out;
}

// Llama 3's factors stand in the file as a tensor without the settings they were made from; all its releases share
// these.
Json llama3_scaling(const Gguf& file, const Tensor& stored, int64_t dim, double theta) {
  const std::vector<float> have = floats(stored);
  const double factor = have.empty() ? 1 : have.back();
  const std::vector<float> expected = llama3_factors(dim, theta, factor, 1, 4, 8192);
  bool equal = have.size() == expected.size();
  for (size_t i = 0; equal && i < have.size(); ++i) equal = std::abs(have[i] - expected[i]) <= 1e-3f * expected[i];
  if (!equal)
    throw FileError("gguf", file.describe() + ": the rotary factors (rope_freqs.weight) are not those of Llama 3.",
                    "convert the model from its Hugging Face folder with gradus convert, which keeps its settings.");
  return {{"rope_type", "llama3"},
          {"factor", Fields::shortest(factor)},
          {"low_freq_factor", 1.0},
          {"high_freq_factor", 4.0},
          {"original_max_position_embeddings", 8192}};
}

void read_rope(const Gguf& file, const Fields& f, int64_t head_dim, Json& config) {
  const double theta = Fields::shortest(f.number("rope.freq_base", 10000));
  config["rope_theta"] = theta;
  const int64_t dim = f.integer("rope.dimension_count", head_dim);
  if (dim != head_dim) config["partial_rotary_factor"] = static_cast<double>(dim) / static_cast<double>(head_dim);
  const GgufField* type = f.find("rope.scaling.type");
  const std::string scaling = type ? std::string(type->text()) : "none";
  if (const auto freqs = file.find("rope_freqs.weight")) {
    config["rope_scaling"] = llama3_scaling(file, file.load(*freqs), dim, theta);
  } else if (const auto longer = file.find("rope_factors_long.weight")) {
    const auto shorter = file.find("rope_factors_short.weight");
    if (!shorter) throw FileError("gguf", file.describe() + ": lacks the tensor \"rope_factors_short.weight\".");
    config["rope_scaling"] = {{"type", "longrope"},
                              {"long_factor", floats(file.load(*longer))},
                              {"short_factor", floats(file.load(*shorter))}};
    config["original_max_position_embeddings"] = f.integer("rope.scaling.original_context_length", 4096);
  } else if (scaling == "linear" || scaling == "yarn") {
    Json& s = config["rope_scaling"] = {{"rope_type", scaling},
                                        {"factor", Fields::shortest(f.number("rope.scaling.factor", 1))}};
    if (scaling == "yarn") s["original_max_position_embeddings"] = f.integer("rope.scaling.original_context_length");
  } else if (scaling != "none") {
    throw FileError("gguf", file.describe() + ": the rotary scaling \"" + scaling + "\" is not known.");
  }
}

Json decoder_config(const Gguf& file, const Fields& f, const std::string& architecture) {
  const bool gemma = architecture.starts_with("gemma");
  const std::string model_type = architecture == "gemma3" ? "gemma3_text" : architecture;
  const char* name = architecture == "llama"     ? "LlamaForCausalLM"
                     : architecture == "qwen2"   ? "Qwen2ForCausalLM"
                     : architecture == "qwen3"   ? "Qwen3ForCausalLM"
                     : architecture == "phi3"    ? "Phi3ForCausalLM"
                     : architecture == "gemma"   ? "GemmaForCausalLM"
                     : architecture == "gemma2"  ? "Gemma2ForCausalLM"
                     : architecture == "smollm3" ? "SmolLM3ForCausalLM"
                                                 : "Gemma3ForCausalLM";
  const int64_t width = f.integer("embedding_length"), heads = f.integer("attention.head_count");
  const int64_t layers = f.integer("block_count");
  if (heads < 1)
    throw FileError("gguf", file.describe() + ": \"attention.head_count\" is " + std::to_string(heads) + ".");
  const int64_t head_dim = f.integer("attention.key_length", width / heads);
  Json c = {{"architectures", {name}},
            {"model_type", model_type},
            {"hidden_size", width},
            {"intermediate_size", f.integer("feed_forward_length")},
            {"num_hidden_layers", layers},
            {"num_attention_heads", heads},
            {"num_key_value_heads", f.integer("attention.head_count_kv", heads)},
            {"head_dim", head_dim},
            {"max_position_embeddings", f.integer("context_length")},
            {"rms_norm_eps", Fields::shortest(f.number("attention.layer_norm_rms_epsilon", 1e-6))}};
  c[gemma ? "hidden_activation" : "hidden_act"] = gemma ? "gelu_pytorch_tanh" : "silu";
  c["tie_word_embeddings"] = !file.find("output.weight");
  if (architecture == "llama" || architecture == "qwen3")
    c["attention_bias"] = file.find("blk.0.attn_q.bias").has_value();
  if (architecture == "llama") c["mlp_bias"] = file.find("blk.0.ffn_up.bias").has_value();
  read_rope(file, f, head_dim, c);
  if (architecture == "gemma2") {
    c["attn_logit_softcapping"] = f.number("attn_logit_softcapping", 50);
    c["final_logit_softcapping"] = f.number("final_logit_softcapping", 30);
    c["sliding_window"] = f.integer("attention.sliding_window", 4096);
  }
  if (architecture == "gemma3") {
    c["sliding_window"] = f.integer("attention.sliding_window", 1024);
    c["rope_local_base_freq"] = Fields::shortest(f.number("rope.freq_base_swa", 10000));
    c["sliding_window_pattern"] = 6;
  }
  // The largest Gemma 2 and 3 divide by the square root of width over heads, which the file does not say.
  if (architecture == "gemma2") c["query_pre_attn_scalar"] = layers == 46 ? width / heads : head_dim;
  if (architecture == "gemma3") c["query_pre_attn_scalar"] = layers == 62 ? width / heads : head_dim;
  if (architecture == "phi3") {
    const int64_t window = f.integer("attention.sliding_window", 0);
    if (window > 0) c["sliding_window"] = window;
  }
  return c;
}

void text_ids(const Gguf& file, Json& config) {
  for (const auto& [key, name] :
       {std::pair{"bos", "bos_token_id"}, {"eos", "eos_token_id"}, {"padding", "pad_token_id"}})
    if (const GgufField* f = file.field(std::string("tokenizer.ggml.") + key + "_token_id"))
      config[name] = f->integer();
}

class FieldList {
 public:
  FieldList(const Json& config, std::string prefix) : config_(config), prefix_(std::move(prefix)) {}
  std::vector<GgufField> list;

  std::optional<int64_t> integer(std::initializer_list<const char*> keys) const {
    for (const char* key : keys)
      if (const auto at = config_.find(key); at != config_.end() && at->is_number()) return at->get<int64_t>();
    return std::nullopt;
  }
  int64_t need(std::initializer_list<const char*> keys) const {
    if (const auto value = integer(keys)) return *value;
    throw FileError("gguf", std::string("config.json lacks \"") + *keys.begin() + "\", which GGUF needs.");
  }
  void put(const char* key, std::optional<int64_t> value) {
    if (value) list.push_back(GgufField::of_integer(prefix_ + key, static_cast<uint32_t>(*value)));
  }
  void put_number(const char* key, const Json& value) {
    if (value.is_number()) list.push_back(GgufField::of_number(prefix_ + key, value.get<float>()));
  }
  void put_text(const char* key, const std::string& value) { list.push_back(GgufField::of_text(prefix_ + key, value)); }
  Json get(const char* key) const { return config_.contains(key) ? config_.at(key) : Json(); }

 private:
  const Json& config_;
  std::string prefix_;
};

void put_rope(const Json& config, int64_t head_dim, FieldList& f) {
  Json theta = rope_setting(config, "rope_theta"), partial = rope_setting(config, "partial_rotary_factor");
  f.put_number("rope.freq_base", theta.is_number() ? theta : Json(10000.0));
  const double fraction = partial.is_number() ? partial.get<double>() : 1.0;
  f.put("rope.dimension_count", static_cast<int64_t>(static_cast<double>(head_dim) * fraction));
  const std::string type = rope_type(config);
  if (type == "linear" || type == "yarn") {
    f.put_text("rope.scaling.type", type);
    f.put_number("rope.scaling.factor", rope_setting(config, "factor"));
  }
  const Json original = rope_setting(config, "original_max_position_embeddings");
  if (type != "default" && original.is_number()) f.put("rope.scaling.original_context_length", original.get<int64_t>());
}

}  // namespace

Json gguf_config(const Gguf& file) {
  if (const GgufField* kept = file.field(gguf_key_of_file("config.json"))) {
    Json config = parse_json(kept->text(), file.describe() + ", config.json");
    if (!config.is_object())
      throw FileError(
          "gguf", file.describe() + ": the config.json inside holds " + config.type_name() + ", expected an object.");
    return config;
  }
  const std::string architecture(file.require("general.architecture").text());
  std::string known;
  bool found = false;
  for (const std::string& name : gguf_architectures()) {
    known += (known.empty() ? "" : ", ") + name;
    found |= name == architecture;
  }
  if (!found)
    throw FileError("gguf", file.describe() + ": the architecture \"" + architecture + "\" is not known.",
                    "Gradus reads " + known + ".");
  const Fields f(file);
  const auto embedding = file.find("token_embd.weight");
  if (!embedding || file.tensors()[*embedding].shape.rank() != 2)
    throw FileError("gguf", file.describe() + ": lacks the matrix \"token_embd.weight\".");
  Json c;
  if (architecture == "gpt2") {
    c = {{"architectures", {"GPT2LMHeadModel"}},
         {"model_type", "gpt2"},
         {"n_embd", f.integer("embedding_length")},
         {"n_layer", f.integer("block_count")},
         {"n_head", f.integer("attention.head_count")},
         {"n_inner", f.integer("feed_forward_length")},
         {"n_positions", f.integer("context_length")},
         {"layer_norm_epsilon", Fields::shortest(f.number("attention.layer_norm_epsilon", 1e-5))},
         {"tie_word_embeddings", !file.find("output.weight")}};
  } else if (architecture == "bert") {
    const auto types = file.find("token_types.weight");
    c = {{"architectures", {"BertModel"}},
         {"model_type", "bert"},
         {"hidden_size", f.integer("embedding_length")},
         {"intermediate_size", f.integer("feed_forward_length")},
         {"num_hidden_layers", f.integer("block_count")},
         {"num_attention_heads", f.integer("attention.head_count")},
         {"max_position_embeddings", f.integer("context_length")},
         {"layer_norm_eps", Fields::shortest(f.number("attention.layer_norm_epsilon", 1e-12))},
         {"type_vocab_size", types ? file.tensors()[*types].shape[0] : 2}};
  } else {
    c = decoder_config(file, f, architecture);
  }
  c["vocab_size"] = file.tensors()[*embedding].shape[0];
  text_ids(file, c);
  return c;
}

std::vector<GgufField> gguf_config_fields(const Json& config, const std::string& architecture) {
  FieldList f(config, architecture + ".");
  f.put("vocab_size", f.integer({"vocab_size"}));
  f.put("context_length", f.need({"max_position_embeddings", "n_positions", "n_ctx"}));
  const int64_t width = f.need({"hidden_size", "n_embd"}), heads = f.need({"num_attention_heads", "n_head"});
  f.put("embedding_length", width);
  f.put("block_count", f.need({"num_hidden_layers", "n_layer"}));
  f.put("feed_forward_length", f.integer({"intermediate_size", "n_inner"}).value_or(4 * width));
  f.put("attention.head_count", heads);
  if (architecture == "gpt2" || architecture == "bert") {
    f.put_number("attention.layer_norm_epsilon",
                 f.get(architecture == "gpt2" ? "layer_norm_epsilon" : "layer_norm_eps"));
    if (architecture == "bert") {
      f.list.push_back(GgufField::of_flag("bert.attention.causal", false));
      f.list.push_back(GgufField::of_integer("tokenizer.ggml.token_type_count",
                                             static_cast<uint32_t>(f.integer({"type_vocab_size"}).value_or(2))));
    }
    return std::move(f.list);
  }
  f.put("attention.head_count_kv", f.integer({"num_key_value_heads"}).value_or(heads));
  f.put_number("attention.layer_norm_rms_epsilon",
               config.contains("rms_norm_eps") ? f.get("rms_norm_eps") : Json(1e-6));
  const int64_t head_dim = f.integer({"head_dim"}).value_or(heads > 0 ? width / heads : 0);
  if (f.integer({"head_dim"})) {
    f.put("attention.key_length", head_dim);
    f.put("attention.value_length", head_dim);
  }
  put_rope(config, head_dim, f);
  if (architecture != "qwen2" && architecture != "qwen3" && architecture != "llama")
    f.put("attention.sliding_window", f.integer({"sliding_window"}));
  if (architecture == "gemma2") {
    f.put_number("attn_logit_softcapping", f.get("attn_logit_softcapping"));
    f.put_number("final_logit_softcapping", f.get("final_logit_softcapping"));
  }
  return std::move(f.list);
}

std::vector<std::pair<std::string, std::vector<float>>> gguf_rope_tensors(const Json& config) {
  std::vector<std::pair<std::string, std::vector<float>>> out;
  const std::string type = rope_type(config);
  const auto number = [&](const char* key, double otherwise) {
    const Json value = rope_setting(config, key);
    return value.is_number() ? value.get<double>() : otherwise;
  };
  if (type == "llama3") {
    const FieldList f(config, "");
    const int64_t heads = f.need({"num_attention_heads"});
    const int64_t dim = f.integer({"head_dim"}).value_or(heads > 0 ? f.need({"hidden_size"}) / heads : 0);
    out.emplace_back("rope_freqs.weight",
                     llama3_factors(dim, number("rope_theta", 10000), number("factor", 8), number("low_freq_factor", 1),
                                    number("high_freq_factor", 4), number("original_max_position_embeddings", 8192)));
  }
  if (type == "longrope" || type == "su")
    for (const auto& [key, name] :
         {std::pair{"long_factor", "rope_factors_long.weight"}, {"short_factor", "rope_factors_short.weight"}})
      if (const Json list = rope_setting(config, key); list.is_array()) {
        std::vector<float> values;
        for (const Json& v : list) values.push_back(v.is_number() ? v.get<float>() : 0);
        out.emplace_back(name, std::move(values));
      }
  return out;
}

std::string gguf_key_of_file(const std::string& file_name) {
  // The format itself names the place of tokenizer.json.
  return file_name == "tokenizer.json" ? "tokenizer.huggingface.json" : "huggingface." + file_name;
}

}  // namespace gradus
