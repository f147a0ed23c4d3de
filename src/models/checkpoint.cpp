#include "models/checkpoint.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/gguf_model.h"
#include "io/safetensors.h"
#include "models/model.h"

namespace gradus {

namespace fs = std::filesystem;

bool is_gguf(const fs::path& path) {
  if (!fs::is_regular_file(path)) return false;
  const MappedFile file(path);
  return file.size() >= 4 && std::string_view(reinterpret_cast<const char*>(file.data()), 4) == "GGUF";
}

CheckpointSource::CheckpointSource(const fs::path& path) {
  if (is_gguf(path)) {
    auto model = std::make_unique<GgufModel>(path);
    config_ = std::make_unique<Json>(model->config());
    // GGUF has no place for its heads, whatever the configuration kept in the file says
    if (config_->value("model_type", "") == "bert") (*config_)["architectures"] = {"BertModel"};
    config_source_ = path.string() + ", config.json";
    file_ = std::move(model);
    return;
  }
  if (!fs::is_directory(path))
    throw FileError("load", path.string() + (fs::exists(path) ? " is no model." : " does not exist."),
                    "a model is a folder with config.json and model.safetensors, or a GGUF file.");
  config_source_ = (path / "config.json").string();
  config_ = std::make_unique<Json>(read_json(path / "config.json"));
  file_ = open_tensors(path);
}
CheckpointSource::~CheckpointSource() = default;

std::string CheckpointSource::stored_name(const std::string& name) const {
  if (file_->find(name)) return name;
  for (const std::string prefix : {"transformer.", "model.", "bert.", "roberta.", "distilbert."}) {
    if (name.rfind(prefix, 0) == 0 && file_->find(name.substr(prefix.size()))) return name.substr(prefix.size());
    if (file_->find(prefix + name)) return prefix + name;
  }
  for (const auto& [today, once] : {std::pair{".LayerNorm.weight", ".gamma"}, {".LayerNorm.bias", ".beta"}}) {
    const std::string ending = today;
    if (name.size() <= ending.size() || name.compare(name.size() - ending.size(), ending.size(), ending) != 0) continue;
    return stored_name(name.substr(0, name.size() - ending.size()) + ".LayerNorm" + once);
  }
  return "";
}

size_t CheckpointSource::require(const std::string& stored) const {
  const auto index = file_->find(stored);
  if (!index) throw FileError("load", describe() + ": the tensor \"" + stored + "\" is missing.");
  used_.insert(stored);
  return *index;
}

Tensor CheckpointSource::load(const std::string& stored) const { return file_->load(require(stored)); }
QuantTensor CheckpointSource::packed(const std::string& stored) const { return file_->packed(require(stored)); }
std::string CheckpointSource::describe() const { return file_->describe(); }

std::vector<std::string> CheckpointSource::unused() const {
  std::vector<std::string> names;
  for (const StoredTensor& t : file_->tensors())
    if (!used_.count(t.name)) names.push_back(t.name);
  return names;
}

namespace {

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
static std::unique_ptr<Made> load(const fs::path& path, const ModelOptions& options, std::vector<std::string>* unused) {
  const CheckpointSource source(path);
  auto model = make(source.config(), options, source.config_source(), &source);
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
