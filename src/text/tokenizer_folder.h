#pragma once
#include <filesystem>

#include "text/tokenizer_parts.h"

namespace gradus {

/// Whether a folder holds a vocabulary in one of the forms from before tokenizer.json.
bool is_older_tokenizer_folder(const std::filesystem::path& folder);
/// vocab.json and merges.txt (byte-level BPE as in GPT-2), or vocab.txt (WordPiece as in BERT, with do_lower_case,
/// strip_accents and tokenize_chinese_chars from tokenizer_config.json). Throws FileError.
TokenizerParts read_older_tokenizer_folder(const std::filesystem::path& folder);

}  // namespace gradus
