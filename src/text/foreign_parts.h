#pragma once
// What the converters of foreign vocabularies share.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "text/foreign_tokenizer.h"

namespace gradus {

[[noreturn]] inline void wrong_foreign_line(const std::string& name, size_t line, const std::string& what) {
  throw FileError("tokenizer", name + ", line " + std::to_string(line) + ": " + what + ".");
}

/// Calls f(line, number) for each line that is not empty.
template <class F>
void each_filled_line(std::string_view text, const F& f) {
  for (size_t begin = 0, number = 1; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) f(line, number);
    begin = end + 1;
  }
}

inline Json foreign_added_token(int64_t id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

inline Json foreign_byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

inline Json foreign_document(const Json& added, const Json& pre_tokenizer, const Json& decoder, const Json& model) {
  return {{"version", "1.0"},          {"truncation", nullptr}, {"padding", nullptr},
          {"added_tokens", added},     {"normalizer", nullptr}, {"pre_tokenizer", pre_tokenizer},
          {"post_processor", nullptr}, {"decoder", decoder},    {"model", model}};
}

inline TokenizerTexts foreign_files(const Json& tokenizer, const Json& roles) {
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  for (const auto& [role, text] : roles.items()) config[role] = text;
  return {dump_json(tokenizer), dump_json(config)};
}

}  // namespace gradus
