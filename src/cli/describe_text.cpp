#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/describe.h"
#include "cli/format.h"

namespace gradus::cli {

namespace {

// Foreign text must not steer the terminal: control characters are spelled out.
std::string printable(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<uint8_t>(text[i]);
    const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0;
    if (c1)
      out += fmt::format("\\u{:04x}", static_cast<uint8_t>(text[++i]));
    else if (c < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", c);
    else
      out += text[i];
  }
  return out;
}

std::string short_text(const std::string& text) {
  constexpr size_t kLongest = 100;
  if (text.size() <= kLongest) return printable(text);
  size_t cut = kLongest - 20;
  while (cut > 0 && (text[cut] & 0xc0) == 0x80) --cut;  // not inside a character
  return printable(text.substr(0, cut)) + "…";
}

std::string short_value(const Json& value) {
  return short_text(value.is_string() ? value.get<std::string>() : dump_json(value));
}

// "  key    value" lines with the values aligned.
std::string pairs(const Json& object) {
  size_t width = 0;
  for (const auto& item : object.items()) width = std::max(width, short_text(item.key()).size());
  std::string out;
  for (const auto& [key, value] : object.items())
    out += fmt::format("  {:{}}  {}\n", short_text(key), width, short_value(value));
  return out;
}

std::string shape_text(const Json& shape) {
  std::string out = "(";
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i].get<int64_t>());
  return out + (shape.size() == 1 ? ",)" : ")");
}

std::string tensors_line(const Json& t) {
  std::string dtypes;
  for (const auto& item : t["dtypes"].items()) dtypes += " " + item.key();
  const int64_t parameters = t["parameters"].get<int64_t>();
  std::string count = std::to_string(parameters);
  if (parameters >= 1000) count += " (" + human_count(static_cast<double>(parameters)) + ")";
  return fmt::format("{} tensors · {} parameters · {} ·{}\n", t["count"].get<int64_t>(), count,
                     human_bytes(t["bytes"].get<double>()), dtypes.empty() ? " empty" : dtypes);
}

std::string tensor_table(const Json& tensors) {
  size_t name = 4, shape = 5;
  for (const Json& t : tensors) {
    name = std::max(name, printable(t["name"]).size());
    shape = std::max(shape, shape_text(t["shape"]).size());
  }
  name = std::min<size_t>(name, 100);
  std::string out = fmt::format("  {:{}}  {:5}  {:{}}  {:>8}\n", "name", name, "dtype", "shape", shape, "bytes");
  for (const Json& t : tensors)
    out += fmt::format("  {:{}}  {:5}  {:{}}  {:>8}\n", printable(t["name"]), name,
                       t["dtype"].get_ref<const std::string&>(), shape_text(t["shape"]), shape,
                       human_bytes(t["bytes"].get<double>()));
  return out;
}

std::string tokenizer_line(const Json& t) {
  std::string out = fmt::format("tokenizer: {} · {} tokens", short_value(t["model"]), t["vocab_size"].get<int64_t>());
  if (t["merges"].get<int64_t>() > 0) out += fmt::format(" · {} merges", t["merges"].get<int64_t>());
  if (!t["added_tokens"].empty()) out += fmt::format(" · added: {}", short_value(t["added_tokens"]));
  return out + "\n";
}

std::string metrics_text(const Json& m) {
  std::string out = fmt::format("metrics: {} rows", m["rows"].get<int64_t>());
  if (m.contains("best_eval_loss"))
    out += fmt::format(" · best eval_loss {:.4f} at step {}", m["best_eval_loss"].get<double>(),
                       m["best_eval_step"].get<int64_t>());
  out += "\n";
  return m.contains("last") ? out + pairs(m["last"]) : out;
}

}  // namespace

std::string text_of(const Json& d) {
  const std::string kind = d["kind"].get<std::string>();
  std::string out = printable(d["path"]) + ": " + kind + "\n";
  if (kind == "safetensors" || kind == "gguf" || kind == "pytorch" || kind == "numpy") {
    out += tensors_line(d);
    if (d.contains("config")) out += "config:\n" + pairs(d["config"]);
    if (!d["metadata"].empty()) out += "metadata:\n" + pairs(d["metadata"]);
    return out + tensor_table(d["tensors"]);
  }
  if (d.contains("config")) out += "config:\n" + pairs(d["config"]);
  if (d.contains("tensors")) out += tensors_line(d["tensors"]);
  if (kind == "tokenizer" && d.contains("model")) out += tokenizer_line(d);
  if (d.contains("tokenizer")) out += tokenizer_line(d["tokenizer"]);
  if (kind == "metrics") out += metrics_text(d);
  if (d.contains("metrics")) out += metrics_text(d["metrics"]);
  if (kind == "events") {
    out += fmt::format("{} events\n", d["rows"].get<int64_t>());
    for (const auto& [tag, e] : d["tags"].items())
      out += fmt::format("  {}  {} values, last {} at step {}\n", short_text(tag), e["count"].get<int64_t>(),
                         short_value(e["last"]), e["last_step"].get<int64_t>());
  }
  if (d.contains("files")) {
    out += "files:\n";
    Json files = Json::object();
    for (const Json& file : d["files"])
      files[file["name"].get<std::string>()] = file.contains("bytes") ? human_bytes(file["bytes"].get<double>()) : "";
    out += pairs(files);
  }
  return out;
}

}  // namespace gradus::cli
