#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "text/tokenizer_parts.h"

namespace gradus {

/// Reads the text of a tokenizer.json; `name` stands in errors. Throws FileError.
TokenizerParts parse_tokenizer_json(std::string_view text, const std::string& name);
/// The text of a tokenizer.json, laid out as Hugging Face tokenizers saves it.
std::string tokenizer_json(const TokenizerParts& parts);

/// Takes the special tokens' roles from tokenizer_config.json or special_tokens_map.json.
void parse_tokenizer_config(std::string_view text, const std::string& name, TokenizerParts& parts);
void parse_special_tokens_map(std::string_view text, const std::string& name, TokenizerParts& parts);
std::string tokenizer_config_json(const TokenizerParts& parts);

}  // namespace gradus
