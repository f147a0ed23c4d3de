#include "cli/describe.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "io/gguf_config.h"
#include "io/metrics.h"
#include "io/tensorboard.h"

namespace gradus::cli {
namespace fs = std::filesystem;

namespace {

constexpr const char* kSupported =
    "supported: .safetensors and .bin and their index.json, .gguf, .pth, .pt, .npz, .npy, model and run folders, "
    "config.json, tokenizer.json, metrics.jsonl, "
    "TensorBoard event files.";

// Numbers inside names count as numbers: layers.2 before layers.10.
bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    size_t ei = i, ej = j;
    while (ei < a.size() && digit(a[ei])) ++ei;
    while (ej < b.size() && digit(b[ej])) ++ej;
    while (i < ei && a[i] == '0') ++i;
    while (j < ej && b[j] == '0') ++j;
    if (ei - i != ej - j) return ei - i < ej - j;
    if (const int order = a.compare(i, ei - i, b, j, ej - j); order != 0) return order < 0;
    i = ei, j = ej;
  }
  return a.size() - i < b.size() - j;
}

std::string type_of(const StoredTensor& t) { return t.quant ? layout_of(*t.quant).name : name_of(t.dtype); }

Json describe_tensors(const TensorFile& file, const fs::path& path, bool list) {
  std::vector<const StoredTensor*> tensors;
  for (const StoredTensor& t : file.tensors()) tensors.push_back(&t);
  std::sort(tensors.begin(), tensors.end(), [](auto* a, auto* b) { return natural_less(a->name, b->name); });
  int64_t parameters = 0;
  uint64_t bytes = 0;
  std::map<std::string, int64_t> dtypes;
  Json all = Json::array();
  for (const StoredTensor* t : tensors) {
    parameters += t->shape.count();
    bytes += t->bytes;
    dtypes[type_of(*t)] += t->shape.count();
    Json shape = Json::array();
    for (const int64_t size : t->shape) shape.push_back(size);
    if (list) all.push_back({{"name", t->name}, {"dtype", type_of(*t)}, {"shape", shape}, {"bytes", t->bytes}});
  }
  Json out{{"kind", file.format()},
           {"path", path.string()},
           {"count", tensors.size()},
           {"parameters", parameters},
           {"bytes", bytes}};
  out["dtypes"] = dtypes;
  out["metadata"] = Json::object();
  for (const auto& [key, value] : file.metadata()) out["metadata"][key] = value;
  out["files"] = Json::array();
  for (const fs::path& part : file.files()) out["files"].push_back(part.filename().string());
  if (list) out["tensors"] = std::move(all);
  return out;
}

Json value_of(const GgufField& f) {
  constexpr uint64_t kShown = 8, kLongest = 64;
  if (f.type() == GgufType::string) return std::string(f.text());
  if (f.type() == GgufType::boolean) return f.flag();
  if (f.type() == GgufType::f32 || f.type() == GgufType::f64) return f.number();
  if (!f.is_array()) return f.integer();
  Json list = Json::array();
  const auto take = [&](const auto& values) {
    for (const auto& v : values) {
      if (list.size() == kShown && f.count() > kLongest) break;
      if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string_view>)
        list.push_back(std::string(v));
      else
        list.push_back(v);
    }
  };
  if (f.element() == GgufType::string)
    take(f.texts());
  else if (f.element() == GgufType::f32 || f.element() == GgufType::f64)
    take(f.numbers());
  else if (f.element() != GgufType::array)
    take(f.integers());
  if (f.count() <= kLongest && f.element() != GgufType::array) return list;
  return {{"type", name_of(f.element())}, {"count", f.count()}, {"first", list}};
}

Json describe_gguf(const fs::path& path) {
  const Gguf file(path);
  Json out = describe_tensors(file, path, true);
  out["version"] = file.version();
  for (const GgufField& f : file.fields())
    if (!f.key().starts_with("huggingface.") && f.key() != "tokenizer.huggingface.json")
      out["metadata"][f.key()] = value_of(f);
  try {
    out["config"] = gguf_config(file);
  } catch (const FileError&) {  // adapters and models of other kinds have none
  }
  return out;
}

Json describe_tokenizer(const fs::path& path, const Json& json) {
  const Json& model = json.at("model");
  const auto get = [](const Json& object, const char* key) {
    return object.is_object() && object.contains(key) ? object.at(key) : Json();
  };
  const Json vocab = get(model, "vocab"), merges = get(model, "merges"), added = get(json, "added_tokens");
  std::set<std::string> tokens;
  if (vocab.is_object())
    for (const auto& item : vocab.items()) tokens.insert(item.key());
  if (vocab.is_array())  // Unigram: [[token, score], …]
    for (const Json& pair : vocab)
      if (pair.is_array() && !pair.empty() && pair[0].is_string()) tokens.insert(pair[0].get<std::string>());
  Json names = Json::array();
  if (added.is_array())
    for (const Json& token : added)
      if (const Json content = get(token, "content"); content.is_string()) {
        tokens.insert(content.get<std::string>());
        names.push_back(content);
      }
  Json out{{"kind", "tokenizer"}, {"path", path.string()}};
  out["model"] = get(model, "type");
  if (out["model"].is_null()) out["model"] = merges.is_array() ? "BPE" : "unknown";  // old files name no type
  out["vocab_size"] = tokens.size();
  out["merges"] = merges.is_array() ? merges.size() : 0;
  out["added_tokens"] = std::move(names);
  return out;
}

Json describe_metrics(const fs::path& path) {
  const std::vector<MetricsRow> rows = read_metrics(path);
  Json out{{"kind", "metrics"}, {"path", path.string()}, {"rows", rows.size()}};
  double best = INFINITY;
  for (const MetricsRow& row : rows) {
    const double step = find_metric(row, "step").value_or(0);
    for (const auto& [name, v] : row) {  // the last value of everything
      if (!std::isfinite(v.value))
        out["last"][name] = nullptr;
      else if (v.integer)
        out["last"][name] = static_cast<int64_t>(v.value);
      else
        out["last"][name] = v.value;
    }
    if (const auto loss = find_metric(row, "eval_loss"); loss && *loss < best) {
      best = *loss;
      out["best_eval_loss"] = best;
      out["best_eval_step"] = static_cast<int64_t>(step);
    }
  }
  return out;
}

Json describe_events(const fs::path& path) {
  const std::vector<LoggedEvent> events = read_events(path);
  Json out{{"kind", "events"}, {"path", path.string()}, {"rows", events.size()}, {"tags", Json::object()}};
  for (const LoggedEvent& e : events) {
    Json& tag = out["tags"][e.tag];
    tag = {{"count", tag.is_null() ? 1 : tag["count"].get<int64_t>() + 1}, {"last_step", e.step}};
    if (e.text.empty())
      tag["last"] = e.value;
    else
      tag["last"] = e.text;
  }
  return out;
}

Json describe_folder(const fs::path& folder) {
  bool weights = false;
  for (const char* name :
       {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"})
    weights |= fs::exists(folder / name);
  const bool config = fs::exists(folder / "config.json"), metrics = fs::exists(folder / "metrics.jsonl");
  const bool tokenizer = fs::exists(folder / "tokenizer.json");
  if (!weights && !config && !metrics && !tokenizer)
    throw FileError("inspect", folder.string() + " holds no model, tokenizer or training run.", kSupported);
  Json out{{"kind", weights || config ? "model" : metrics ? "run" : "tokenizer"}, {"path", folder.string()}};
  if (config) out["config"] = read_json(folder / "config.json");
  if (weights) out["tensors"] = describe_tensors(*open_tensors(folder), folder, false);
  if (tokenizer) out["tokenizer"] = describe(folder / "tokenizer.json");
  if (metrics) out["metrics"] = describe_metrics(folder / "metrics.jsonl");
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end(), [](auto& a, auto& b) { return natural_less(a.string(), b.string()); });
  out["files"] = Json::array();
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    if (fs::is_regular_file(file))
      out["files"].push_back({{"name", name}, {"bytes", fs::file_size(file)}});
    else
      out["files"].push_back({{"name", name + "/"}});
  }
  return out;
}

}  // namespace

Json describe(const fs::path& path) {
  if (!fs::exists(path)) throw FileError("inspect", path.string() + " does not exist.", "check the path.");
  if (fs::is_directory(path)) return describe_folder(path);
  const std::string name = path.filename().string();
  if (name.ends_with(".gguf")) return describe_gguf(path);
  for (const char* ending :
       {".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pth", ".pt", ".npz", ".npy"})
    if (name.ends_with(ending)) return describe_tensors(*open_tensors(path), path, true);
  if (name.ends_with(".jsonl")) return describe_metrics(path);
  if (name.find("tfevents") != std::string::npos) return describe_events(path);
  if (name.ends_with(".json")) {
    const Json json = read_json(path);
    if (json.is_object() && json.contains("model") && json["model"].is_object() && json["model"].contains("vocab"))
      return describe_tokenizer(path, json);
    if (json.is_object() && (json.contains("model_type") || json.contains("architectures") || json.contains("n_embd") ||
                             json.contains("hidden_size")))
      return {{"kind", "config"}, {"path", path.string()}, {"config", json}};
  }
  throw FileError("inspect", path.string() + " is of no kind that inspect knows.", kSupported);
}

}  // namespace gradus::cli
