#include "text/tokenizer_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/tokenizer_json.h"
#include "text/unicode.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {

constexpr uint64_t kLargestVocabularyFile = uint64_t{1} << 30;

Json config_of(const fs::path& folder) {
  const fs::path path = folder / "tokenizer_config.json";
  if (!fs::exists(path)) return Json::object();
  Json config = read_json(path);
  if (!config.is_object()) throw FileError("tokenizer", path.string() + ": the document must be an object.");
  return config;
}

Json flag_of(const Json& config, const char* key, Json otherwise) {
  const auto at = config.find(key);
  return at == config.end() || !at->is_boolean() ? otherwise : *at;
}

/// Calls `line(text)` for each line, without its break.
template <class F>
void each_text_line(const std::string& content, const F& line) {
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    std::string_view text = std::string_view(content).substr(begin, end - begin);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    line(text);
    begin = end + 1;
  }
}

Json empty_document() {
  return {
      {"version", "1.0"},      {"truncation", nullptr},    {"padding", nullptr},        {"added_tokens", Json::array()},
      {"normalizer", nullptr}, {"pre_tokenizer", nullptr}, {"post_processor", nullptr}, {"decoder", nullptr}};
}

Json special_token(const std::string& content, int64_t id) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

/// The special tokens that the config names and the vocabulary has, in the order of their ids.
void add_roles(const Json& config, const Json& vocabulary, std::initializer_list<const char*> defaults,
               Json& document) {
  std::vector<std::pair<int64_t, std::string>> found;
  const auto add = [&](const std::string& content) {
    const auto at = vocabulary.find(content);
    if (at != vocabulary.end() && at->is_number_integer()) found.emplace_back(at->get<int64_t>(), content);
  };
  for (const char* content : defaults) add(content);
  for (const char* role :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    const auto at = config.find(role);
    if (at == config.end()) continue;
    if (at->is_string()) add(at->get<std::string>());
    if (at->is_object() && at->contains("content") && (*at)["content"].is_string())
      add((*at)["content"].get<std::string>());
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  for (const auto& [id, content] : found) document["added_tokens"].push_back(special_token(content, id));
}

TokenizerParts read_gpt2_files(const fs::path& folder) {
  const Json config = config_of(folder), vocabulary = read_json(folder / "vocab.json");
  if (!vocabulary.is_object())
    throw FileError("tokenizer", (folder / "vocab.json").string() + ": the document must be an object.");
  Json document = empty_document(), merges = Json::array();
  bool first = true;
  each_text_line(read_file(folder / "merges.txt", kLargestVocabularyFile), [&](std::string_view line) {
    const bool header = first && line.substr(0, 8) == "#version";
    first = false;
    if (!header && !line.empty()) merges.push_back(std::string(line));
  });
  add_roles(config, vocabulary, {"<|endoftext|>"}, document);
  const Json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", flag_of(config, "add_prefix_space", false)},
                           {"trim_offsets", true},
                           {"use_regex", true}};
  document["pre_tokenizer"] = document["decoder"] = byte_level;
  document["post_processor"] = byte_level;
  document["post_processor"]["trim_offsets"] = false;
  document["model"] = {{"type", "BPE"},
                       {"dropout", nullptr},
                       {"unk_token", nullptr},
                       {"continuing_subword_prefix", ""},
                       {"end_of_word_suffix", ""},
                       {"fuse_unk", false},
                       {"vocab", vocabulary},
                       {"merges", merges}};
  return parse_tokenizer_json(document.dump(), (folder / "vocab.json").string());
}

TokenizerParts read_bert_files(const fs::path& folder) {
  const std::string name = (folder / "vocab.txt").string();
  const Json config = config_of(folder);
  Json document = empty_document(), vocabulary = Json::object();
  each_text_line(read_file(folder / "vocab.txt", kLargestVocabularyFile), [&](std::string_view line) {
    if (!is_valid_utf8(line)) throw FileError("tokenizer", name + ": a line is not valid UTF-8.");
    const std::string token(line);
    if (vocabulary.contains(token))
      throw FileError("tokenizer", name + ": the token \"" + token + "\" stands there twice.");
    vocabulary[token] = vocabulary.size();
  });
  add_roles(config, vocabulary, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, document);
  const Json lower = flag_of(config, "do_lower_case", true);
  document["normalizer"] = {{"type", "BertNormalizer"},
                            {"clean_text", true},
                            {"handle_chinese_chars", flag_of(config, "tokenize_chinese_chars", true)},
                            {"strip_accents", flag_of(config, "strip_accents", nullptr)},
                            {"lowercase", lower}};
  document["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  if (vocabulary.contains("[CLS]") && vocabulary.contains("[SEP]"))
    document["post_processor"] = {
        {"type", "BertProcessing"}, {"sep", {"[SEP]", vocabulary["[SEP]"]}}, {"cls", {"[CLS]", vocabulary["[CLS]"]}}};
  document["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  document["model"] = {{"type", "WordPiece"},
                       {"unk_token", "[UNK]"},
                       {"continuing_subword_prefix", "##"},
                       {"max_input_chars_per_word", 100},
                       {"vocab", vocabulary}};
  return parse_tokenizer_json(document.dump(), name);
}

}  // namespace

bool is_older_tokenizer(const fs::path& path) {
  if (fs::is_directory(path))
    return !fs::exists(path / "tokenizer.json") &&
           (fs::exists(path / "vocab.txt") || (fs::exists(path / "vocab.json") && fs::exists(path / "merges.txt")));
  return (path.filename() == "vocab.txt" && fs::exists(path)) ||
         (path.filename() == "vocab.json" && fs::exists(path.parent_path() / "merges.txt"));
}

TokenizerParts read_older_tokenizer(const fs::path& path) {
  if (!fs::is_directory(path))
    return path.filename() == "vocab.json" ? read_gpt2_files(path.parent_path()) : read_bert_files(path.parent_path());
  return fs::exists(path / "vocab.json") && fs::exists(path / "merges.txt") ? read_gpt2_files(path)
                                                                            : read_bert_files(path);
}

}  // namespace gradus
