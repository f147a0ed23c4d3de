#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "io/gguf.h"

namespace gradus {

/// How many tokens a GGUF file's vocabulary may have.
inline constexpr int64_t kMostGgufTokens = 1 << 21;

/// The texts of the files that make a Hugging Face tokenizer.
struct TokenizerFiles {
  std::string tokenizer_json, tokenizer_config_json, chat_template;
};

/// The tokenizer inside a GGUF file: the tokenizer.json that it keeps, or one made from its tokens, merges (byte-level
/// BPE), scores (SentencePiece) or word pieces. Throws FileError for a file without one, and for ways of cutting text
/// ("tokenizer.ggml.pre") that have no tokenizer.json here.
TokenizerFiles gguf_tokenizer_files(const Gguf& file);

/// The fields of a Hugging Face folder's tokenizer: for llama.cpp its tokens, their kinds, merges and special ids, for
/// Gradus its files as they are. Empty when the folder has no tokenizer.json. `rows`: how many tokens the embedding
/// has; missing ones are padded. Sets `unmapped` when llama.cpp has no word for the model or the way of cutting text.
std::vector<GgufField> gguf_tokenizer_fields(const std::filesystem::path& folder, int64_t rows, std::string* unmapped);

/// What the "pre" field of byte-level tokenizers stands for, as the JSON of tokenizer.json's pre_tokenizer; null when
/// unknown.
const char* gguf_pre_tokenizer(std::string_view pre);

}  // namespace gradus
