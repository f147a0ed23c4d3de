#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/model.h"
#include "text/special_frame.h"
#include "text/tokenizer.h"

namespace gradus {

/// Texts to vectors as a sentence-transformers directory describes it: modules.json names the parts (Transformer,
/// Pooling, Dense, Normalize) and their folders, sentence_bert_config.json the longest text. A plain model directory
/// works too: the mean of its states.
class SentenceEncoder {
 public:
  /// Throws FileError naming file and field for what is missing, malformed or not supported.
  explicit SentenceEncoder(const std::filesystem::path& directory);
  ~SentenceEncoder();
  SentenceEncoder(SentenceEncoder&&) noexcept;

  /// One vector a text. Texts of about equal length are best neighbours; all go through the model together.
  std::vector<std::vector<float>> encode(const std::vector<std::string>& texts) const;
  /// The same in batches of texts sorted by length.
  std::vector<std::vector<float>> encode_all(const std::vector<std::string>& texts, size_t batch = 32) const;
  std::vector<std::vector<float>> encode_ids(const std::vector<std::vector<int32_t>>& texts) const;
  std::vector<int32_t> tokenize(std::string_view text) const;
  /// Tokens of a text at most, special ones included; longer ones are cut.
  int64_t max_seq_length() const { return max_length_; }
  void set_max_seq_length(int64_t length);
  int64_t width() const { return width_; }

 private:
  struct Dense;
  enum class Pool : uint8_t { cls, max, mean, mean_sqrt, weighted_mean, last };
  void read_pooling(const std::filesystem::path& file);
  void read_dense(const std::filesystem::path& folder);
  std::vector<float> pooled(const float* states, int64_t length) const;

  std::optional<Tokenizer> tokenizer_;
  std::optional<SpecialFrame> frame_;
  std::unique_ptr<Model> model_;
  std::vector<Pool> pools_;
  std::vector<Dense> dense_;
  bool normalize_ = false;
  int64_t max_length_ = 0, positions_ = 0, width_ = 0, states_width_ = 0;
};

}  // namespace gradus
