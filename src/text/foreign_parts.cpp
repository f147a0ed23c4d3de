#include "text/foreign_parts.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace gradus {

void wrong_foreign_line(const std::string& name, size_t line, const std::string& what) {
  throw FileError("tokenizer", name + ", line " + std::to_string(line) + ": " + what + ".");
}

Json foreign_added_token(int64_t id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

Json foreign_byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json foreign_document(const Json& added, const Json& pre_tokenizer, const Json& decoder, const Json& model) {
  return {{"version", "1.0"},          {"truncation", nullptr}, {"padding", nullptr},
          {"added_tokens", added},     {"normalizer", nullptr}, {"pre_tokenizer", pre_tokenizer},
          {"post_processor", nullptr}, {"decoder", decoder},    {"model", model}};
}

TokenizerTexts foreign_files(const Json& tokenizer, const Json& roles) {
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  for (const auto& [role, text] : roles.items()) config[role] = text;
  return {dump_json(tokenizer), dump_json(config)};
}

}  // namespace gradus
