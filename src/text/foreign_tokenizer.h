#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// The text of a tokenizer.json and of the tokenizer_config.json beside it.
struct TokenizerTexts {
  std::string tokenizer, config;
};

struct ForeignOptions {
  /// Of rank files, which do not tell it: the regular expression that cuts text into words, or the name of a known one
  /// ("gpt2", "p50k", "whisper", "cl100k", "o200k", "qwen"). Empty: by the size of the vocabulary.
  std::string pattern = {};
  /// Of rank files: special tokens, whose ids follow the ranks (or "TEXT=ID"). None: those of a published file, known
  /// by its size.
  std::vector<std::string> special_tokens = {};
};

/// Vocabularies in other forms, as a tokenizer.json says the same. Each throws FileError naming file and place.
///
/// SentencePiece's models (*.model) of the types unigram, BPE, char and word, with their normalisation. As in
/// SentencePiece, no token is added around a text; control pieces become special tokens. Of type word, neighbouring
/// unknown words stay apart, where SentencePiece makes one of them.
TokenizerTexts convert_sentencepiece(std::string_view bytes, const std::string& name);
/// tiktoken's rank files: a line for each token, its bytes as base64 and its rank.
TokenizerTexts convert_tiktoken(std::string_view text, const std::string& name, const ForeignOptions& options = {});
/// Mistral's tekken.json: ranks with their pattern, behind special tokens that have the first ids.
TokenizerTexts convert_tekken(std::string_view text, const std::string& name);
/// RWKV's vocabularies: a line for each token, its id, its bytes as a Python literal, and their number. The longest
/// token that fits is taken (WordPiece over bytes says the same).
TokenizerTexts convert_rwkv(std::string_view text, const std::string& name);
/// A file of one of these forms, recognised by its name and first bytes; or a folder with one (tokenizer.model, …) and
/// no tokenizer.json. Nothing when it is none of them.
std::optional<TokenizerTexts> convert_foreign_tokenizer(const std::filesystem::path& source,
                                                        const ForeignOptions& options = {});

}  // namespace gradus
