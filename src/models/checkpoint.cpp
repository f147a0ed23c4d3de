#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "io/safetensors.h"
#include "models/model.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

// Tensors of a checkpoint under the names that the models use. A body that was saved without its head has names
// without the prefix that models with heads put in front, and the other way round; early BERT files call the weights of
// norms gamma and beta.
class CheckpointSource final : public TensorSource {
 public:
  explicit CheckpointSource(const fs::path& directory) : directory_(directory), file_(directory) {}

  std::string stored_name(const std::string& name) const override {
    if (file_.contains(name)) return name;
    for (const std::string prefix : {"transformer.", "model.", "bert.", "roberta.", "distilbert."}) {
      if (name.rfind(prefix, 0) == 0 && file_.contains(name.substr(prefix.size()))) return name.substr(prefix.size());
      if (file_.contains(prefix + name)) return prefix + name;
    }
    for (const auto& [today, once] : {std::pair{".LayerNorm.weight", ".gamma"}, {".LayerNorm.bias", ".beta"}}) {
      const std::string ending = today;
      if (name.size() <= ending.size() || name.compare(name.size() - ending.size(), ending.size(), ending) != 0)
        continue;
      return stored_name(name.substr(0, name.size() - ending.size()) + ".LayerNorm" + once);
    }
    return "";
  }
  Tensor load(const std::string& stored) const override {
    used_.insert(stored);
    return file_.map(stored);
  }
  std::string describe() const override { return directory_.string(); }

  std::vector<std::string> unused() const {
    std::vector<std::string> names;
    for (const TensorInfo& t : file_.tensors())
      if (!used_.count(t.name)) names.push_back(t.name);
    return names;
  }

 private:
  fs::path directory_;
  Safetensors file_;
  mutable std::set<std::string> used_;
};

// What generation needs to know, out of the model's configuration.
Json generation_config(const Json& config) {
  Json g = Json::object();
  g["_from_model_config"] = true;
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"})
    if (config.contains(key) && !config[key].is_null()) g[key] = config[key];
  return g;
}

}  // namespace

template <class Made,
          std::unique_ptr<Made> (*make)(const Json&, const ModelOptions&, const std::string&, const TensorSource*)>
static std::unique_ptr<Made> load(const fs::path& directory, const ModelOptions& options,
                                  std::vector<std::string>* unused) {
  if (!fs::is_directory(directory))
    throw FileError("load", directory.string() + " is no folder.",
                    "a model directory holds config.json and model.safetensors.");
  const fs::path config = directory / "config.json";
  const Json json = read_json(config);
  const CheckpointSource source(directory);
  auto model = make(json, options, config.string(), &source);
  if (unused) *unused = source.unused();
  return model;
}

std::unique_ptr<CausalLm> load_causal_lm(const fs::path& directory, const ModelOptions& options,
                                         std::vector<std::string>* unused) {
  return load<CausalLm, make_causal_lm>(directory, options, unused);
}

std::unique_ptr<Model> load_model(const fs::path& directory, const ModelOptions& options,
                                  std::vector<std::string>* unused) {
  return load<Model, make_model>(directory, options, unused);
}

void save_model(const Model& model, const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw FileError("save", "cannot make the folder " + directory.string() + ": " + error.message() + ".");
  Json config = parse_json(model.config(), "config");
  config["dtype"] = model.parameters().dtype() == Dtype::f32    ? "float32"
                    : model.parameters().dtype() == Dtype::bf16 ? "bfloat16"
                    : model.parameters().dtype() == Dtype::f16  ? "float16"
                                                                : "float64";
  config.erase("torch_dtype");
  NamedTensors tensors;
  for (const auto* list : {&model.parameters().all(), &model.parameters().buffers()})
    for (const Parameter& p : *list) tensors.emplace_back(p.name, p.value.detach());
  write_safetensors(directory / "model.safetensors", tensors);
  write_json(directory / "generation_config.json", generation_config(config));
  write_json(directory / "config.json", config);
}

}  // namespace gradus
