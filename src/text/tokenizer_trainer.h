#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "text/subword_trainer.h"
#include "text/tokenizer.h"
#include "text/unigram_trainer.h"

namespace gradus {

enum class TokenizerModel { bpe, word_piece, unigram };

/// What a tokenizer.json says around its model, each as JSON text.
struct TokenizerFrame {
  std::string normalizer = "null", pre_tokenizer = "null", post_processor = "null", decoder = "null";
};

/// The usual frames: BPE and Unigram keep blanks as U+2581 (Metaspace), so that decoding gives the text back; WordPiece
/// normalises and cuts as BERT does, and puts [CLS] and [SEP] around a text where both are special tokens.
TokenizerFrame usual_frame(TokenizerModel model, const std::vector<std::string>& special_tokens);
/// The frame of another tokenizer.json. Throws FileError.
TokenizerFrame frame_of(std::string_view tokenizer_json, const std::string& name);

struct TokenizerTraining {
  TokenizerModel model = TokenizerModel::bpe;
  int vocab_size = 30000;
  int64_t min_frequency = 2;                           ///< BPE, WordPiece
  std::vector<std::string> special_tokens = {};        ///< take the first ids
  std::string bos = {}, eos = {}, pad = {}, unk = {};  ///< roles, each one of the special tokens; empty: none
  std::optional<int64_t> limit_alphabet = {};          ///< BPE, WordPiece
  std::string initial_alphabet = {};
  std::optional<int64_t> max_token_length = {};  ///< BPE, WordPiece
  std::string continuing_subword_prefix = {};    ///< BPE; of WordPiece "##" when empty
  std::string end_of_word_suffix = {};           ///< BPE
  int max_piece_length = 16;                     ///< Unigram
  double shrinking_factor = 0.75;                ///< Unigram
  int sub_iterations = 2;                        ///< Unigram
  int64_t seed_size = 1'000'000;                 ///< Unigram
  TokenizerFrame frame;
  std::function<void(const char* stage, int64_t done, int64_t total)> progress;
};

/// The distinct words that normalizer and pre-tokenizer of a frame make of texts, sorted, with their counts: what the
/// models are trained on. Throws FileError for a component that is not understood.
WordFrequencies count_words(const std::vector<std::string_view>& texts, const TokenizerFrame& frame);

/// Trains a model on `texts`, each a document, with Hugging Face's choices: its tokenizer.json opens there and gives
/// the same ids. The result depends on texts and settings only. Throws ValueError as the trainers of the models do.
Tokenizer train_tokenizer(const std::vector<std::string_view>& texts, const TokenizerTraining& settings);

}  // namespace gradus
