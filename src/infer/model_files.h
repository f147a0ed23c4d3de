#pragma once
#include <filesystem>
#include <string>

#include "text/tokenizer.h"

namespace gradus {

/// The tokenizer of a model: of a folder or tokenizer.json as Tokenizer::load reads it, or the one inside a GGUF file.
Tokenizer load_tokenizer(const std::filesystem::path& path);

/// The chat template of a model: chat_template.jinja or the one of tokenizer_config.json in a folder, or the one inside
/// a GGUF file; empty when there is none.
std::string load_chat_template(const std::filesystem::path& path);

}  // namespace gradus
