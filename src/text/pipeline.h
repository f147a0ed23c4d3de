#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "text/decoder.h"
#include "text/encoding.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"
#include "text/word_model.h"

namespace gradus {

/// The components of a tokenizer put together: from text to ids and back. What stands behind a Tokenizer handle.
class Pipeline {
 public:
  explicit Pipeline(TokenizerParts given);

  void encode(std::string_view text, const EncodeOptions& options, EncodeScratch& scratch) const;
  Encoding encode_full(std::string_view text, const std::optional<std::string_view>& pair, const EncodeOptions& options,
                       const std::optional<Truncation>& truncation, EncodeScratch& scratch) const;
  std::string decode_bytes(const std::vector<int32_t>& ids, bool skip_special_tokens) const;

  std::unique_ptr<EncodeScratch> borrow() const;
  void give_back(std::unique_ptr<EncodeScratch> scratch) const;

  std::optional<int32_t> find(std::string_view token) const;
  void check(int32_t id) const;
  std::string_view bytes_of(int32_t id) const {
    return std::string_view(bytes_).substr(begins_[id], begins_[id + 1] - begins_[id]);
  }
  std::string_view token(int32_t id) const;
  int size() const { return size_; }
  bool is_special(int32_t id) const { return special_[id]; }
  /// Ids between those of the vocabulary that nothing has; they decode to nothing.
  bool is_hole(int32_t id) const { return added_at_[id] < 0 && parts.vocabulary.is_hole(id); }
  int bytes_covered() const { return bpe_ && raw_bytes_ ? bpe_->bytes_covered() : 256; }
  /// Whether decoding joins the bytes of tokens and does nothing else.
  bool joins_bytes() const { return decoders_.size() == 1 && decoders_[0]->gives_bytes(); }
  bool joins_with_spaces() const { return decoders_.empty(); }

  TokenizerParts parts;
  std::optional<int32_t> bos, eos, pad, unk;
  std::optional<Truncation> truncation;
  std::optional<Padding> padding;

 private:
  struct Run;
  void make_model();
  void make_added_tokens();
  void make_frames();
  void encode_part(std::string_view text, size_t shift, Run& run) const;
  void encode_valid(std::string_view text, size_t shift, Run& run) const;
  void encode_words(PreTokenized&& pre, Run& run) const;
  void encode_plain_words(std::string_view text, Run& run) const;
  void encode_word(std::string_view word, size_t begin, const char* limit, const AlignedText& text, Run& run) const;
  void encode_text(std::string_view text, Run& run) const;
  Encoding encode_one(std::string_view text, int32_t sequence, const EncodeOptions& options,
                      EncodeScratch& scratch) const;
  void post_process(std::vector<Encoding>& parts, bool add_special_tokens) const;

  std::vector<std::unique_ptr<const Normalizer>> normalizers_;
  std::vector<std::unique_ptr<const PreTokenizer>> pre_tokenizers_;
  std::vector<std::unique_ptr<const PostProcessor>> post_processors_;
  std::vector<std::unique_ptr<const Decoder>> decoders_;
  std::unique_ptr<const WordModel> model_;
  const Bpe* bpe_ = nullptr;                           // the model, if it is one
  const ByteLevelPreTokenizer* byte_level_ = nullptr;  // the last pre-tokenizer, if the model takes its bytes unspelled
  bool raw_bytes_ = false, unigram_ = false;
  bool needs_origins_ = false;
  std::vector<int32_t> framed_,
      bare_;  // what post-processing makes of one text, which is -1; with special tokens or not
  AddedTokenMatcher raw_tokens_, normalized_tokens_;
  int size_ = 0;
  std::vector<bool> special_;
  std::string bytes_;  // of all tokens, as decoding gives them
  std::vector<uint64_t> begins_;
  std::vector<int32_t> added_at_;  // by id: which of parts.added it is, or -1
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<EncodeScratch>> idle_;
};

}  // namespace gradus
