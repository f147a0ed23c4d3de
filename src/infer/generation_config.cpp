#include "infer/generation_config.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/gguf_model.h"
#include "models/checkpoint.h"

namespace gradus {

namespace {

class Reader {
 public:
  Reader(const Json& json, std::string file) : json_(json), file_(std::move(file)) {
    if (!json_.is_object())
      throw FileError("generate", file_ + " holds " + json_.type_name() + ", expected an object.");
  }

  std::vector<int32_t> ids(const char* key) const {
    const Json* value = find(key);
    if (!value) return {};
    std::vector<int32_t> list;
    for (const Json& id : value->is_array() ? *value : Json::array({*value})) {
      if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<int32_t>::max()) wrong(key, "token ids");
      list.push_back(id.get<int32_t>());
    }
    return list;
  }

  std::optional<double> number(const char* key) const {
    const Json* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_number()) wrong(key, "a number");
    return value->get<double>();
  }

 private:
  const Json* find(const char* key) const {
    const auto at = json_.find(key);
    return at == json_.end() || at->is_null() ? nullptr : &*at;
  }
  [[noreturn]] void wrong(const char* key, const char* expected) const {
    throw FileError("generate",
                    file_ + ": \"" + key + "\" is " + dump_json(json_[key]) + ", expected " + expected + ".");
  }

  const Json& json_;
  std::string file_;
};

Json read_generation_json(const std::filesystem::path& model) {
  if (is_gguf(model)) {
    const std::string text(GgufModel(model).kept_file("generation_config.json"));
    return text.empty() ? Json::object() : parse_json(text, model.string() + ", generation_config.json");
  }
  const std::filesystem::path file = model / "generation_config.json";
  return std::filesystem::exists(file) ? read_json(file) : Json::object();
}

}  // namespace

GenerationConfig read_generation_config(const std::filesystem::path& directory, const CausalLm& model,
                                        const Tokenizer& tokenizer) {
  const std::filesystem::path file = directory / "generation_config.json";
  const Json generation_json = read_generation_json(directory);
  const Json config_json = parse_json(model.config(), "config");
  const Reader generation(generation_json, file.string()), config(config_json, (directory / "config.json").string());
  const auto first_of = [&](const char* key, std::optional<int32_t> last) {
    std::vector<int32_t> ids = generation.ids(key);
    if (ids.empty()) ids = config.ids(key);
    if (ids.empty() && last) ids.push_back(*last);
    return ids;
  };
  GenerationConfig g;
  g.eos = first_of("eos_token_id", tokenizer.eos());
  const std::vector<int32_t> bos = first_of("bos_token_id", tokenizer.bos());
  if (!bos.empty()) g.bos = bos.front();
  g.temperature = generation.number("temperature");
  g.top_p = generation.number("top_p");
  g.min_p = generation.number("min_p");
  g.repetition_penalty = generation.number("repetition_penalty");
  if (const auto k = generation.number("top_k")) g.top_k = static_cast<int64_t>(*k);
  return g;
}

std::vector<int32_t> prompt_tokens(const Tokenizer& tokenizer, const GenerationConfig& config, std::string_view text) {
  std::vector<int32_t> ids = tokenizer.encode(text);
  if (!ids.empty()) return ids;
  if (config.bos) return {*config.bos};
  if (!config.eos.empty()) return {config.eos.front()};
  throw ValueError("generate", "the prompt is empty, and the model names neither bos_token_id nor eos_token_id.",
                   "give a prompt.");
}

}  // namespace gradus
