#pragma once
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

namespace gradus {

/// Cuts text into words and spells their bytes in the byte-level alphabet.
struct ByteLevelSettings {
  bool add_prefix_space = false;
  bool use_regex = true;  ///< cut by the GPT-2 pattern; otherwise each piece of text is one word
};

/// Everything a tokenizer.json says, part by part. The `…_json` fields hold the text of sections that are kept as they
/// were read; the fields beside them are what they mean to the pipeline.
struct TokenizerParts {
  Vocabulary vocabulary;
  std::vector<Merge> merges;
  BpeSettings model;
  std::vector<AddedToken> added;  ///< ascending ids; those behind the vocabulary follow it without a gap
  NormalForm normalizer = NormalForm::none;
  ByteLevelSettings pre_tokenizer;
  bool byte_level_decoder = true;  ///< false: tokens are joined by spaces, as Hugging Face does without a decoder

  std::string truncation_json = "null", padding_json = "null", normalizer_json = "null";
  std::string pre_tokenizer_json =
      R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";
  std::string post_processor_json =
      R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true})";
  std::string decoder_json = R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})";
  /// The small fields of the model: type, dropout, unk_token, …
  std::string model_json =
      R"({"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,)"
      R"("fuse_unk":false,"byte_fallback":false,"ignore_merges":false})";

  /// tokenizer_config.json; empty when there was none.
  std::string config_json;
  std::string bos, eos, pad, unk;  ///< contents; empty when not named
};

}  // namespace gradus
