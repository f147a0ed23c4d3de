#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/encoding.h"

namespace gradus {

struct TokenizerParts;
struct AddedToken;
class Pipeline;

struct EncodeOptions {
  /// Adds the tokens that the file's post-processor puts around a text.
  bool add_special_tokens = true;
  /// Finds special tokens written out in the text. false: they are text like any other, for text from strangers.
  bool parse_special_tokens = true;
  /// Applies the BPE dropout that the file asks for, drawn from this seed; without it merges are never dropped.
  std::optional<uint64_t> dropout_seed = {};
};

/// Text to token ids and back, as a Hugging Face tokenizer.json describes it: added tokens are split out, the rest is
/// normalised, cut into words, and each word goes through the model. A handle: copies share one immutable object, and
/// any number of threads may use it at once. Padding and truncation that a file asks for are applied only where they
/// are asked for.
class Tokenizer {
 public:
  /// A folder with tokenizer.json (and tokenizer_config.json, special_tokens_map.json when there), or the file itself;
  /// or a vocabulary of an older form, vocab.json and merges.txt (byte-level BPE) or vocab.txt (BERT's WordPiece), or
  /// of another (text/foreign_tokenizer.h): file or folder. Throws FileError naming file and component: malformed,
  /// inconsistent, or a component that is not supported.
  static Tokenizer load(const std::filesystem::path& folder_or_file);
  /// From parts put together in memory (see text/tokenizer_parts.h). Throws ValueError when they contradict each other.
  explicit Tokenizer(TokenizerParts parts);
  /// Writes tokenizer.json and tokenizer_config.json into `folder`, which is made when missing. transformers'
  /// AutoTokenizer opens them. What was read and not understood (settings for others) is written back.
  void save(const std::filesystem::path& folder) const;

  /// A byte-level tokenizer encodes invalid UTF-8 byte by byte, and decode_bytes gives it back; the others see U+FFFD.
  /// Throws ValueError where the model has no token for something and no unknown token, and where a regular expression
  /// of the file backtracks without end.
  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const;
  /// Many texts, on all threads.
  std::vector<std::vector<int32_t>> encode_batch(const std::vector<std::string_view>& texts,
                                                 const EncodeOptions& options = {}) const;
  /// A text, or a pair of texts, with offsets and all else that Hugging Face's Encoding holds.
  Encoding encode_full(std::string_view text, const std::optional<std::string_view>& pair = {},
                       const EncodeOptions& options = {}, const std::optional<Truncation>& truncation = {}) const;
  /// Many texts, on all threads; then padded.
  std::vector<Encoding> encode_full_batch(const std::vector<std::string_view>& texts, const EncodeOptions& options = {},
                                          const std::optional<Truncation>& truncation = {},
                                          const std::optional<Padding>& padding = {}) const;
  /// What the file asks for.
  const std::optional<Truncation>& truncation() const;
  const std::optional<Padding>& padding() const;

  /// The exact bytes. Throws IndexError for an id outside the vocabulary.
  std::string decode_bytes(const std::vector<int32_t>& ids, bool skip_special_tokens = false) const;
  /// The same as valid UTF-8: each invalid sequence becomes U+FFFD.
  std::string decode(const std::vector<int32_t>& ids, bool skip_special_tokens = false) const;
  /// The bytes one id adds to a decoded text; where a decoder does more than join bytes, the token as it is spelled.
  std::string_view bytes_of(int32_t id) const;

  /// Ids are 0 … vocab_size() - 1, added tokens included.
  int vocab_size() const;
  std::optional<int32_t> id_of(std::string_view token) const;
  /// The token as the file spells it ("Ġthe"). Throws IndexError.
  std::string_view token(int32_t id) const;
  bool is_special(int32_t id) const;
  const std::vector<AddedToken>& added_tokens() const;
  /// From tokenizer_config.json or special_tokens_map.json; nothing when they do not say.
  std::optional<int32_t> bos() const;
  std::optional<int32_t> eos() const;
  std::optional<int32_t> pad() const;
  std::optional<int32_t> unk() const;

  const TokenizerParts& parts() const;
  /// Byte-level BPE: how many of the 256 bytes have a token; the others become the unknown token or, without one, are
  /// dropped. 256 for other tokenizers.
  int bytes_covered() const;
  /// The steps of the inner loops that one encode takes; for checks that the work grows with the text and no faster.
  uint64_t encode_work(std::string_view text) const;

 private:
  friend class StreamDecoder;
  std::shared_ptr<const Pipeline> pipeline_;
};

/// Decodes ids as they come: each push returns the text that is certain by then and never cuts a character.
/// The pieces together are what Tokenizer::decode gives for all ids.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, bool skip_special_tokens = true);
  std::string push(int32_t id);
  /// What is left when no more ids come: U+FFFD for a character that never became complete, or nothing.
  std::string finish();

 private:
  std::string push_bytes(int32_t id);
  Tokenizer tokenizer_;
  bool skip_special_tokens_, first_ = true;
  std::string held_;  // bytes that may become a character
  // Other decoders look at neighbours: `ids_` are those not given out yet, behind `context_` of the ones before.
  std::vector<int32_t> ids_;
  size_t context_ = 0;
  std::string context_text_;
};

}  // namespace gradus
