#pragma once
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/vocabulary.h"

namespace gradus {

/// Everything a tokenizer.json says, part by part. The `…_json` fields hold the text of sections as they were read; the
/// tokenizer builds its components from them.
struct TokenizerParts {
  std::string source = "tokenizer.json";  ///< what errors call the file
  Vocabulary vocabulary;
  std::vector<double> scores;     ///< Unigram: the log-probability of each token
  std::vector<Merge> merges;      ///< BPE
  BpeSettings model;              ///< BPE
  std::vector<AddedToken> added;  ///< ids as Hugging Face gives them: the next ones behind the vocabulary's

  std::string truncation_json = "null", padding_json = "null", normalizer_json = "null";
  std::string pre_tokenizer_json =
      R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";
  std::string post_processor_json =
      R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true})";
  std::string decoder_json = R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})";
  /// The small fields of the model: type (BPE, WordPiece, Unigram, WordLevel), unk_token, … For BPE, `model` holds what
  /// they mean.
  std::string model_json =
      R"({"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,)"
      R"("fuse_unk":false,"byte_fallback":false,"ignore_merges":false})";

  /// tokenizer_config.json; empty when there was none.
  std::string config_json;
  std::string bos, eos, pad, unk;  ///< contents; empty when not named
};

}  // namespace gradus
