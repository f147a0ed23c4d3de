#include "text/tokenizer_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "text/component_json.h"
#include "text/unicode.h"

namespace gradus {

namespace {

/// One file's name, and errors that begin with it.
struct File {
  const std::string& name;

  [[noreturn]] void wrong(const std::string& what, const std::string& hint = "") const {
    throw FileError("tokenizer", name + ": " + what, hint);
  }
  bool flag(const Json& object, const std::string& component, const char* key, std::optional<bool> otherwise) const {
    const auto at = object.find(key);
    if (at == object.end() && otherwise) return *otherwise;
    if (at == object.end() || !at->is_boolean()) wrong(component + "." + key + " must be true or false.");
    return at->get<bool>();
  }
  /// A string, or nothing for null and for a missing key.
  std::optional<std::string> text(const Json& object, const std::string& component, const char* key) const {
    const auto at = object.find(key);
    if (at == object.end() || at->is_null()) return std::nullopt;
    if (!at->is_string()) wrong(component + "." + key + " must be a string or null.");
    return at->get<std::string>();
  }
  void only(const Json& object, const std::string& component, std::initializer_list<const char*> known) const {
    for (const auto& [key, value] : object.items())
      if (std::none_of(known.begin(), known.end(), [&k = key](const char* name) { return k == name; }))
        wrong("the setting " + component + "." + key + " is not known.");
  }
};

/// Ids may leave holes, as in Hugging Face.
void read_vocabulary(JsonReader& reader, const File& file, Vocabulary& vocabulary) {
  struct Place {
    uint64_t begin = 0;
    int64_t length = -1;
  };
  std::string texts;
  std::vector<Place> places;  // by id
  int count = 0;
  reader.object([&](std::string_view token) {
    const Place place{texts.size(), static_cast<int64_t>(token.size())};
    texts += token;
    const int64_t id = reader.integer();
    if (id < 0 || id >= Vocabulary::kMaxSize)
      reader.fail("model.vocab: id " + std::to_string(id) + " is outside 0 … " +
                  std::to_string(Vocabulary::kMaxSize - 1));
    if (static_cast<size_t>(id) >= places.size()) places.resize(static_cast<size_t>(id) + 1);
    if (places[id].length >= 0) reader.fail("model.vocab: two tokens have id " + std::to_string(id));
    places[id] = place;
    ++count;
  });
  vocabulary.reserve(count);
  for (size_t id = 0; id < places.size(); ++id) {
    if (places[id].length < 0) {
      vocabulary.add_hole();
      continue;
    }
    const std::string_view text =
        std::string_view(texts).substr(places[id].begin, static_cast<size_t>(places[id].length));
    if (!is_valid_utf8(text)) file.wrong("model.vocab: the token of id " + std::to_string(id) + " is not valid UTF-8.");
    if (vocabulary.add(text) < 0)
      file.wrong("model.vocab: the token \"" + std::string(text) + "\" stands there twice.");
  }
}

struct MergeTexts {
  std::string texts;  // left, right, left, right, …
  std::vector<uint64_t> ends;
};

void read_merges(JsonReader& reader, MergeTexts& merges) {
  std::string buffer;
  const auto add = [&](std::string_view part) {
    merges.texts += part;
    merges.ends.push_back(merges.texts.size());
  };
  const auto where = [&] { return "model.merges[" + std::to_string(merges.ends.size() / 2) + "]"; };
  reader.array([&] {
    if (merges.ends.size() / 2 >= (size_t{1} << 22) - 2) reader.fail("model.merges: more than 4 million");
    if (reader.peek() == '"') {
      const std::string_view line = reader.string_into(buffer);
      const size_t space = line.find(' ');
      if (space == line.npos || line.find(' ', space + 1) != line.npos)
        reader.fail(where() + " must be two tokens with one space between");
      add(line.substr(0, space));
      add(line.substr(space + 1));
    } else {
      if (reader.peek() != '[') reader.fail(where() + " must hold two tokens");
      const size_t before = merges.ends.size();
      reader.array([&] {
        if (merges.ends.size() == before + 2)
          reader.fail("model.merges[" + std::to_string(before / 2) + "] must hold two tokens");
        add(reader.string_into(buffer));
      });
      if (merges.ends.size() != before + 2)
        reader.fail("model.merges[" + std::to_string(before / 2) + "] must hold two tokens");
    }
  });
}

/// Unigram's vocabulary: ["token", log-probability], …
void read_scored_vocabulary(JsonReader& reader, const File& file, TokenizerParts& parts) {
  std::string buffer;
  reader.array([&] {
    const std::string where = "model.vocab[" + std::to_string(parts.scores.size()) + "]";
    if (parts.scores.size() >= Vocabulary::kMaxSize) reader.fail("model.vocab: too many tokens");
    if (reader.peek() != '[') reader.fail(where + " must be [\"token\", score]");
    int item = 0;
    reader.array([&] {
      if (item == 0) {
        const std::string_view text = reader.string_into(buffer);
        if (!is_valid_utf8(text)) file.wrong(where + " is not valid UTF-8.");
        parts.vocabulary.add_again(text);
      } else {
        const std::string_view number = item == 1 ? reader.raw() : "";
        double score = 0;
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), score);
        if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(score))
          reader.fail(where + " must be [\"token\", score]");
        parts.scores.push_back(score);
      }
      ++item;
    });
    if (item != 2) reader.fail(where + " must be [\"token\", score]");
  });
}

void resolve_merges(const MergeTexts& texts, const File& file, TokenizerParts& parts) {
  const Vocabulary& vocabulary = parts.vocabulary;
  std::vector<Merge>& merges = parts.merges;
  merges.reserve(texts.ends.size() / 2);
  const size_t prefix = parts.model.continuing_subword_prefix.size();
  uint64_t begin = 0;
  const std::string_view all = texts.texts;
  std::string joined;
  for (size_t i = 0; i + 1 < texts.ends.size(); i += 2) {
    const uint64_t middle = texts.ends[i], end = texts.ends[i + 1];
    const std::string where = "model.merges[" + std::to_string(i / 2) + "]";
    // The result is both, one after the other; the second without the prefix that says it goes on.
    std::string_view words[] = {all.substr(begin, middle - begin), all.substr(middle, end - middle),
                                all.substr(begin, end - begin)};
    if (words[0].empty() || words[1].empty()) file.wrong(where + " has an empty part.");
    if (prefix > 0) {
      if (words[1].size() < prefix) file.wrong(where + " has a second part that is shorter than the prefix.");
      joined = words[0];
      joined += words[1].substr(prefix);
      words[2] = joined;
    }
    int ids[3];
    for (int k = 0; k < 3; ++k) {
      // Trainers number tokens in the order of their merges: most results are the id behind the last one.
      const int guess = merges.empty() ? 0 : merges.back().result + 1;
      const bool right = k == 2 && guess < vocabulary.size() && vocabulary[guess] == words[k];
      ids[k] = right ? guess : vocabulary.find(words[k]);
      if (ids[k] < 0) file.wrong(where + ": the token \"" + std::string(words[k]) + "\" is not in model.vocab.");
    }
    merges.push_back({ids[0], ids[1], ids[2]});
    begin = end;
  }
}

void read_bpe_settings(const ComponentFields& f, BpeSettings& settings) {
  f.only({"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
          "ignore_merges"});
  if (f.has("dropout")) {
    const Json& dropout = f.at("dropout");
    settings.dropout = dropout.is_number() ? dropout.get<double>() : -1;
    if (!(settings.dropout >= 0 && settings.dropout <= 1))
      f.wrong("has a dropout that is not null or a number from 0 to 1");
  }
  const auto unknown = f.optional_text("unk_token");
  settings.has_unknown = unknown.has_value();
  settings.unknown = unknown.value_or("");
  settings.continuing_subword_prefix = f.optional_text("continuing_subword_prefix").value_or("");
  settings.end_of_word_suffix = f.optional_text("end_of_word_suffix").value_or("");
  settings.fuse_unknown = f.flag("fuse_unk", false);
  settings.byte_fallback = f.flag("byte_fallback", false);
  settings.ignore_merges = f.flag("ignore_merges", false);
}

void read_added_tokens(const Json& list, const File& file, std::vector<AddedToken>& added) {
  if (!list.is_array()) file.wrong("added_tokens must be an array.");
  for (const Json& item : list) {
    const std::string where = "added_tokens[" + std::to_string(added.size()) + "]";
    if (!item.is_object()) file.wrong(where + " must be an object.");
    file.only(item, where, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token;
    const auto id = item.find("id");
    if (id == item.end() || !id->is_number_unsigned() || id->get<uint64_t>() >= Vocabulary::kMaxSize)
      file.wrong(where + ".id must be a number from 0 to " + std::to_string(Vocabulary::kMaxSize - 1) + ".");
    token.id = id->get<int32_t>();
    token.content = file.text(item, where, "content").value_or("");
    if (token.content.empty()) file.wrong(where + ".content must be a string that is not empty.");
    token.single_word = file.flag(item, where, "single_word", false);
    token.lstrip = file.flag(item, where, "lstrip", false);
    token.rstrip = file.flag(item, where, "rstrip", false);
    token.special = file.flag(item, where, "special", false);
    token.normalized = file.flag(item, where, "normalized", !token.special);
    added.push_back(std::move(token));
  }
}

/// Text of a JSON value, moved right by `indent` spaces except for its first line.
std::string indented(const std::string& json_text, int indent) {
  const std::string flat = parse_json(json_text, "tokenizer.json").dump(2);
  std::string out;
  for (char c : flat) {
    out += c;
    if (c == '\n') out.append(static_cast<size_t>(indent), ' ');
  }
  return out;
}

void quote(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          const char* hex = "0123456789abcdef";
          out += std::string("\\u00") + hex[c >> 4] + hex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

/// The shortest text that reads back as the same number, with a point or an exponent in it.
std::string number_text(double value) {
  char text[40];
  std::string out(text, std::to_chars(text, text + sizeof text, value).ptr);
  if (out.find_first_of(".e") == out.npos) out += ".0";
  return out;
}

Json added_token_json(const AddedToken& token) {
  return {{"id", token.id},          {"content", token.content}, {"single_word", token.single_word},
          {"lstrip", token.lstrip},  {"rstrip", token.rstrip},   {"normalized", token.normalized},
          {"special", token.special}};
}

/// A special token's content, from "text" or {"content": "text", …}.
void read_role(const Json& config, const File& file, const char* key, std::string& role) {
  const auto at = config.find(key);
  if (at == config.end() || at->is_null()) return;
  if (at->is_string())
    role = at->get<std::string>();
  else if (at->is_object())
    role = file.text(*at, key, "content").value_or("");
  else
    file.wrong(std::string(key) + " must be a string, an object with \"content\", or null.");
}

void read_roles(const Json& config, const File& file, TokenizerParts& parts) {
  if (!config.is_object()) file.wrong("the document must be an object.");
  read_role(config, file, "bos_token", parts.bos);
  read_role(config, file, "eos_token", parts.eos);
  read_role(config, file, "pad_token", parts.pad);
  read_role(config, file, "unk_token", parts.unk);
}

}  // namespace

TokenizerParts parse_tokenizer_json(std::string_view text, const std::string& name) {
  const File file{name};
  TokenizerParts parts;
  parts.source = name;
  MergeTexts merges;
  bool has_version = false, has_vocabulary = false, has_merges = false, scored = false;
  parts.normalizer_json = parts.pre_tokenizer_json = parts.post_processor_json = parts.decoder_json = "null";
  Json settings = Json::object();
  JsonReader reader(text, name);
  std::vector<std::string> seen;
  const auto once = [&](const std::string& key) {
    if (std::count(seen.begin(), seen.end(), key)) reader.fail("the key \"" + key + "\" stands twice");
    seen.push_back(key);
  };
  const std::pair<const char*, std::string*> sections[] = {
      {"truncation", &parts.truncation_json},         {"padding", &parts.padding_json},
      {"normalizer", &parts.normalizer_json},         {"pre_tokenizer", &parts.pre_tokenizer_json},
      {"post_processor", &parts.post_processor_json}, {"decoder", &parts.decoder_json}};
  const auto read_model = [&](std::string_view field_view) {
    const std::string field(field_view);
    once("model." + field);
    if (field == "vocab") {
      has_vocabulary = true;
      scored = reader.peek() == '[';
      scored ? read_scored_vocabulary(reader, file, parts) : read_vocabulary(reader, file, parts.vocabulary);
    } else if (field == "merges") {
      has_merges = true;
      read_merges(reader, merges);
    } else {
      settings[field] = parse_json(reader.raw(), name);
    }
  };
  reader.object([&](std::string_view key_view) {
    const std::string key(key_view);
    once(key);
    const auto* section =
        std::find_if(std::begin(sections), std::end(sections), [&key](const auto& s) { return key == s.first; });
    if (section != std::end(sections)) {
      const Json json = parse_json(reader.raw(), name);
      if (!json.is_null() && !json.is_object()) file.wrong(key + " must be an object or null.");
      *section->second = dump_json(json);
    } else if (key == "version") {
      has_version = true;
      const Json version = parse_json(reader.raw(), name);
      if (version != "1.0") file.wrong("version is " + dump_json(version) + ", expected \"1.0\".");
    } else if (key == "added_tokens") {
      read_added_tokens(parse_json(reader.raw(), name), file, parts.added);
    } else if (key == "model") {
      if (reader.peek() != '{') file.wrong("model must be an object.");
      reader.object(read_model);
    } else {
      file.wrong("the section \"" + key + "\" is not known.");
    }
  });
  reader.finish();
  if (!has_version) file.wrong("version is missing.", "is this a tokenizer.json?");
  if (!has_vocabulary) file.wrong("model.vocab is missing.");
  if (!settings.contains("type"))  // files from before types were written
    settings["type"] = has_merges                                       ? "BPE"
                       : scored                                         ? "Unigram"
                       : settings.contains("continuing_subword_prefix") ? "WordPiece"
                                                                        : "WordLevel";
  const ComponentFields fields(settings, name, "model");
  const std::string type = fields.type();
  if ((type == "Unigram") != scored)
    file.wrong(std::string("model.vocab is ") + (scored ? "a list" : "an object") + ", which " + type +
               " does not take.");
  if ((type == "BPE") != has_merges)
    file.wrong(std::string("model.merges is ") + (has_merges ? "there" : "missing") + ", for a model of type " + type +
               ".");
  if (type == "BPE") {
    read_bpe_settings(fields, parts.model);
    resolve_merges(merges, file, parts);
  }
  parts.model_json = dump_json(settings);
  return parts;
}

std::string tokenizer_json(const TokenizerParts& parts) {
  std::string out = "{\n  \"version\": \"1.0\"";
  const auto section = [&out](const char* key, const std::string& text) {
    out += std::string(",\n  \"") + key + "\": " + indented(text, 2);
  };
  section("truncation", parts.truncation_json);
  section("padding", parts.padding_json);
  Json added = Json::array();
  for (const AddedToken& token : parts.added) added.push_back(added_token_json(token));
  section("added_tokens", dump_json(added));
  section("normalizer", parts.normalizer_json);
  section("pre_tokenizer", parts.pre_tokenizer_json);
  section("post_processor", parts.post_processor_json);
  section("decoder", parts.decoder_json);
  std::string model = indented(parts.model_json, 2);
  model.resize(model.rfind('\n'));  // its closing bracket comes after vocab and merges
  const bool scored = !parts.scores.empty(), bpe = parse_json(parts.model_json, "model")["type"] == "BPE";
  const int size = parts.vocabulary.size();
  out += ",\n  \"model\": " + model + ",\n    \"vocab\": " + (scored ? "[" : "{");
  bool first = true;
  for (int id = 0; id < size; ++id) {
    if (parts.vocabulary.is_hole(id)) continue;
    out += std::exchange(first, false) ? "\n      " : ",\n      ";
    if (scored) out += "[\n        ";
    quote(parts.vocabulary[id], out);
    out += scored ? ",\n        " + number_text(parts.scores[id]) + "\n      ]" : ": " + std::to_string(id);
  }
  out += std::string(size > 0 ? "\n    " : "") + (scored ? "]" : "}");
  if (!bpe) return out + "\n  }\n}";
  out += ",\n    \"merges\": [";
  for (size_t i = 0; i < parts.merges.size(); ++i) {
    out += i == 0 ? "\n      [\n        " : ",\n      [\n        ";
    quote(parts.vocabulary[parts.merges[i].left], out);
    out += ",\n        ";
    quote(parts.vocabulary[parts.merges[i].right], out);
    out += "\n      ]";
  }
  out += parts.merges.empty() ? "]\n  }\n}" : "\n    ]\n  }\n}";
  return out;
}

void parse_tokenizer_config(std::string_view text, const std::string& name, TokenizerParts& parts) {
  const Json config = parse_json(text, name);
  read_roles(config, File{name}, parts);
  parts.config_json = dump_json(config);
}

void parse_special_tokens_map(std::string_view text, const std::string& name, TokenizerParts& parts) {
  read_roles(parse_json(text, name), File{name}, parts);
}

std::string tokenizer_config_json(const TokenizerParts& parts) {
  Json config = parts.config_json.empty() ? Json::object() : parse_json(parts.config_json, "tokenizer_config.json");
  const auto role = [&config](const char* key, const std::string& content) {
    std::string known;
    read_role(config, File{key}, key, known);
    if (!content.empty() && known != content) config[key] = content;
  };
  role("bos_token", parts.bos);
  role("eos_token", parts.eos);
  role("pad_token", parts.pad);
  role("unk_token", parts.unk);
  if (parts.config_json.empty()) {
    config["clean_up_tokenization_spaces"] = false;
    config["tokenizer_class"] = "PreTrainedTokenizerFast";
  }
  return config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace gradus
