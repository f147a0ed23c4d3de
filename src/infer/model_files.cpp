#include "infer/model_files.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "io/gguf_tokenizer.h"
#include "models/checkpoint.h"
#include "text/tokenizer_json.h"

namespace gradus {
namespace fs = std::filesystem;

Tokenizer load_tokenizer(const fs::path& path) {
  if (!is_gguf(path)) return Tokenizer::load(path);
  const TokenizerFiles files = gguf_tokenizer_files(Gguf(path));
  TokenizerParts parts = parse_tokenizer_json(files.tokenizer_json, path.string() + ", tokenizer.json");
  if (!files.tokenizer_config_json.empty())
    parse_tokenizer_config(files.tokenizer_config_json, path.string() + ", tokenizer_config.json", parts);
  return Tokenizer(std::move(parts));
}

std::string load_chat_template(const fs::path& path) {
  if (is_gguf(path)) {
    const Gguf file(path);
    const GgufField* f = file.field("tokenizer.chat_template");
    return f ? std::string(f->text()) : "";
  }
  if (fs::exists(path / "chat_template.jinja")) return read_file(path / "chat_template.jinja", 1 << 24);
  if (!fs::exists(path / "tokenizer_config.json")) return "";
  const Json config = read_json(path / "tokenizer_config.json");
  return config.is_object() && config.contains("chat_template") && config["chat_template"].is_string()
             ? config["chat_template"].get<std::string>()
             : "";
}

}  // namespace gradus
