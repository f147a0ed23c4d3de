#pragma once
#include <filesystem>

#include "text/tokenizer_parts.h"

namespace gradus {

/// Whether a folder without tokenizer.json holds a vocabulary in one of the forms from before it, or the path is such a
/// vocab.json (with merges.txt beside it) or vocab.txt.
bool is_older_tokenizer(const std::filesystem::path& path);
/// vocab.json and merges.txt (byte-level BPE as in GPT-2), or vocab.txt (WordPiece as in BERT, with do_lower_case,
/// strip_accents and tokenize_chinese_chars from tokenizer_config.json). Throws FileError.
TokenizerParts read_older_tokenizer(const std::filesystem::path& path);

}  // namespace gradus
