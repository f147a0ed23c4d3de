// The tokenizer of a Hugging Face folder as fields of a GGUF file.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "io/gguf_config.h"
#include "io/gguf_pre_tokenizer.h"
#include "io/gguf_tokenizer.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {

// What a tokenizer.json says, as far as llama.cpp wants to know.
struct Contents {
  std::string model;                // BPE, WordPiece, Unigram, WordLevel
  std::vector<std::string> tokens;  // by id; empty: none has the id
  std::vector<float> scores;
  std::vector<int32_t> kinds;
  std::vector<std::string> merges;
  Json normalizer, pre_tokenizer, post_processor;
  bool byte_fallback = false;
  std::string unknown;

  void put(int64_t id, std::string_view text, int32_t kind) {
    if (id < 0 || id >= kMostGgufTokens)
      throw FileError("gguf", "tokenizer.json: the id " + std::to_string(id) + " is impossible.");
    if (static_cast<size_t>(id) >= tokens.size()) {
      tokens.resize(static_cast<size_t>(id) + 1);
      kinds.resize(tokens.size(), 5);
    }
    tokens[static_cast<size_t>(id)] = text;
    kinds[static_cast<size_t>(id)] = kind;
  }
};

bool is_byte_token(std::string_view t) { return t.size() == 6 && t.starts_with("<0x") && t.back() == '>'; }

void read_model(JsonReader& reader, const std::string& name, Contents& c) {
  std::string buffer;
  reader.object([&](std::string_view key_view) {
    const std::string key(key_view);
    if (key == "vocab" && reader.peek() == '{') {
      reader.object([&](std::string_view token) {
        const std::string text(token);
        c.put(reader.integer(), text, is_byte_token(text) ? 6 : 1);
      });
    } else if (key == "vocab") {  // Unigram: [[piece, score], …]
      reader.array([&] {
        std::string text;
        bool first = true;
        reader.array([&] {
          if (std::exchange(first, false)) {
            text = std::string(reader.string_into(buffer));
          } else {
            c.scores.resize(c.tokens.size() + 1);
            const Json score = parse_json(reader.raw(), name);
            c.scores.back() = score.is_number() ? score.get<float>() : 0;
          }
        });
        c.put(static_cast<int64_t>(c.tokens.size()), text, is_byte_token(text) ? 6 : 1);
      });
    } else if (key == "merges") {
      reader.array([&] {
        if (reader.peek() == '"') {
          c.merges.emplace_back(reader.string_into(buffer));
          return;
        }
        std::string merge;
        reader.array([&] { merge += (merge.empty() ? "" : " ") + std::string(reader.string_into(buffer)); });
        c.merges.push_back(std::move(merge));
      });
    } else {
      const Json value = parse_json(reader.raw(), name);
      if (key == "type" && value.is_string()) c.model = value.get<std::string>();
      if (key == "unk_token" && value.is_string()) c.unknown = value.get<std::string>();
      if (key == "byte_fallback" && value.is_boolean()) c.byte_fallback = value.get<bool>();
    }
  });
}

Contents read_contents(const std::string& text, const std::string& name) {
  Contents c;
  Json added = Json::array();
  JsonReader reader(text, name);
  reader.object([&](std::string_view key_view) {
    const std::string key(key_view);
    if (key == "model") return read_model(reader, name, c);
    const Json value = parse_json(reader.raw(), name);
    if (key == "added_tokens") added = value;
    if (key == "normalizer") c.normalizer = value;
    if (key == "pre_tokenizer") c.pre_tokenizer = value;
    if (key == "post_processor") c.post_processor = value;
  });
  for (const Json& token : added) {
    if (!token.is_object() || !token.contains("id") || !token["id"].is_number_integer() || !token.contains("content") ||
        !token["content"].is_string())
      throw FileError("gguf", name + ": added_tokens is no list of tokens with id and content.");
    const auto content = token["content"].get<std::string>();
    c.put(token["id"].get<int64_t>(), content,
          content == c.unknown                                    ? 2
          : token.contains("special") && token["special"] == true ? 3
                                                                  : 4);
  }
  if (c.model.empty()) c.model = c.merges.empty() ? "WordLevel" : "BPE";
  return c;
}

// The "pre" that stands for a way of cutting; nothing when there is none.
std::optional<std::string> pre_of(const Json& pre_tokenizer) {
  for (const GgufPreTokenizer& p : kGgufPreTokenizers) {
    Json known = parse_json(p.json, "gguf"), have = pre_tokenizer;
    // trim_offsets has no influence on tokens.
    const auto strip = [](Json& j) {
      j.erase("trim_offsets");
      if (j.contains("pretokenizers"))
        for (Json& part : j["pretokenizers"]) part.erase("trim_offsets");
    };
    if (!have.is_object()) return std::nullopt;
    strip(known);
    strip(have);
    // Sections may list their keys in any order.
    if (nlohmann::json::parse(known.dump()) == nlohmann::json::parse(have.dump())) return p.pre;
  }
  return std::nullopt;
}

std::string content_of(const Json& config, const char* key) {
  if (!config.is_object() || !config.contains(key)) return "";
  const Json& value = config.at(key);
  if (value.is_string()) return value.get<std::string>();
  return value.is_object() && value.contains("content") && value["content"].is_string()
             ? value["content"].get<std::string>()
             : "";
}

std::string text_of(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) && object.at(key).is_string() ? object.at(key).get<std::string>()
                                                                                  : "";
}

// Whether the post-processor's template puts `token` at the given end of a text.
bool template_adds(const Json& post_processor, const std::string& token, bool front) {
  if (!post_processor.is_object() || token.empty()) return false;
  if (text_of(post_processor, "type") == "Sequence" && post_processor.contains("processors")) {
    for (const Json& part : post_processor["processors"])
      if (template_adds(part, token, front)) return true;
    return false;
  }
  if (text_of(post_processor, "type") != "TemplateProcessing" || !post_processor.contains("single")) return false;
  const Json& single = post_processor["single"];
  if (!single.is_array() || single.empty()) return false;
  const Json& end = front ? single.front() : single.back();
  return end.is_object() && end.contains("SpecialToken") && text_of(end["SpecialToken"], "id") == token;
}

}  // namespace

std::vector<GgufField> gguf_tokenizer_fields(const fs::path& folder, int64_t rows, std::string* unmapped) {
  std::vector<GgufField> fields;
  const fs::path path = folder / "tokenizer.json";
  if (!fs::exists(path)) return fields;
  const std::string text = read_file(path);
  Contents c = read_contents(text, path.string());
  Json config = Json::object();
  if (fs::exists(folder / "tokenizer_config.json")) config = read_json(folder / "tokenizer_config.json");

  std::string model, pre;
  const bool byte_level = c.model == "BPE" && !c.byte_fallback;
  if (byte_level) {
    model = "gpt2";
    const auto known = pre_of(c.pre_tokenizer);
    if (!known && unmapped) *unmapped = "its pre_tokenizer";
    pre = known.value_or("default");
  } else if (c.model == "BPE") {
    model = "llama";
  } else if (c.model == "WordPiece") {
    model = "bert";
  } else {
    model = c.model == "Unigram" ? "t5" : "none";
    if (c.model != "Unigram" && unmapped) *unmapped = "its model " + c.model;
  }
  fields.push_back(GgufField::of_text("tokenizer.ggml.model", model));
  if (!pre.empty()) fields.push_back(GgufField::of_text("tokenizer.ggml.pre", pre));

  for (size_t id = 0; id < c.tokens.size(); ++id)
    if (c.tokens[id].empty()) c.tokens[id] = "[PAD" + std::to_string(id) + "]";
  while (static_cast<int64_t>(c.tokens.size()) < std::min(rows, kMostGgufTokens))
    c.put(static_cast<int64_t>(c.tokens.size()), "[PAD" + std::to_string(c.tokens.size()) + "]", 5);
  std::vector<std::string_view> texts;
  if (model == "bert")
    for (size_t id = 0; id < c.tokens.size(); ++id)
      if (c.kinds[id] == 1) {
        std::string& t = c.tokens[id];
        t = t.starts_with("##") ? t.substr(2) : "\u2581" + t;
      }
  for (const std::string& t : c.tokens) texts.emplace_back(t);
  fields.push_back(GgufField::of_texts("tokenizer.ggml.tokens", texts));
  fields.push_back(GgufField::of_integers("tokenizer.ggml.token_type", c.kinds));
  if (model == "llama" || model == "t5") {
    const bool ranks = c.scores.empty();  // BPE joins in the order of its merges, which is that of its ids
    c.scores.resize(c.tokens.size(), ranks ? 0.0f : -10000.0f);
    if (ranks)
      for (size_t id = 0; id < c.scores.size(); ++id) c.scores[id] = -static_cast<float>(id);
    fields.push_back(GgufField::of_numbers("tokenizer.ggml.scores", c.scores));
    const std::string normalizer = c.normalizer.is_null() ? "" : c.normalizer.dump();
    fields.push_back(GgufField::of_flag("tokenizer.ggml.add_space_prefix",
                                        normalizer.find("Prepend") != std::string::npos ||
                                            c.pre_tokenizer.dump().find("\"first\"") != std::string::npos ||
                                            c.pre_tokenizer.dump().find("\"always\"") != std::string::npos));
  }
  if (byte_level) {
    std::vector<std::string_view> merges(c.merges.begin(), c.merges.end());
    fields.push_back(GgufField::of_texts("tokenizer.ggml.merges", merges));
  }

  const Json model_config = fs::exists(folder / "config.json") ? read_json(folder / "config.json") : Json::object();
  const auto id_of = [&](const std::string& token) -> std::optional<uint32_t> {
    const auto at = std::find(c.tokens.begin(), c.tokens.end(), token);
    return at == c.tokens.end() || token.empty() ? std::nullopt
                                                 : std::optional(static_cast<uint32_t>(at - c.tokens.begin()));
  };
  const std::tuple<const char*, const char*, const char*> roles[] = {{"bos_token", "bos", "bos_token_id"},
                                                                     {"eos_token", "eos", "eos_token_id"},
                                                                     {"pad_token", "padding", "pad_token_id"},
                                                                     {"unk_token", "unknown", ""},
                                                                     {"sep_token", "seperator", ""},
                                                                     {"cls_token", "cls", ""},
                                                                     {"mask_token", "mask", ""}};
  for (const auto& [key, role, id_key] : roles) {
    std::optional<uint32_t> id = id_of(content_of(config, key));
    if (!id && *id_key && model_config.is_object() && model_config.contains(id_key) &&
        model_config.at(id_key).is_number_unsigned())
      id = model_config.at(id_key).get<uint32_t>();
    if (id) fields.push_back(GgufField::of_integer(std::string("tokenizer.ggml.") + role + "_token_id", *id));
  }
  for (const auto& [key, role, front] :
       {std::tuple{"add_bos_token", "bos_token", true}, {"add_eos_token", "eos_token", false}}) {
    const bool said = config.is_object() && config.contains(key) && config.at(key).is_boolean();
    fields.push_back(GgufField::of_flag(
        std::string("tokenizer.ggml.") + key,
        said ? config.at(key).get<bool>() : template_adds(c.post_processor, content_of(config, role), front)));
  }
  if (fs::exists(folder / "chat_template.jinja"))
    fields.push_back(GgufField::of_text("tokenizer.chat_template", read_file(folder / "chat_template.jinja", 1 << 24)));
  else if (config.is_object() && config.contains("chat_template") && config["chat_template"].is_string())
    fields.push_back(GgufField::of_text("tokenizer.chat_template", config["chat_template"].get<std::string>()));
  fields.push_back(GgufField::of_text(gguf_key_of_file("tokenizer.json"), text));
  return fields;
}

}  // namespace gradus
