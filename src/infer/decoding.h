#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "models/model.h"

namespace gradus {

/// A model and what it has read: the loop's engine under generate(), beam search, speculative decoding and perplexity.
/// Rows may have prompts of different lengths; shorter ones are padded on the left, unseen.
class Decoding {
 public:
  /// Room for `capacity` positions.
  Decoding(const CausalLm& model, int64_t rows, int64_t capacity, KvType type = KvType::model);

  /// Reads a prompt a row, `chunk` positions at a time; `on_chunk` is called behind each and stops by false. Gives the
  /// logits (rows, vocab) f32 behind the last token; undefined when stopped. Throws ValueError for an empty prompt.
  Tensor prefill(const std::vector<std::vector<int32_t>>& prompts, int64_t chunk,
                 const std::function<bool()>& on_chunk = {});
  /// Reads one more token a row: logits (rows, vocab) f32.
  Tensor step(const std::vector<int32_t>& next);
  /// Reads several more tokens of the only row: logits (tokens, vocab) f32, one row behind each.
  Tensor read(const std::vector<int32_t>& tokens);

  /// Forgets everything from position `length` on.
  void cut(int64_t length);
  /// Row i goes on from what row rows[i] was.
  void select_rows(const std::vector<int64_t>& rows);

  int64_t rows() const { return static_cast<int64_t>(texts_.size()); }
  int64_t length() const { return cache_.length; }
  /// What row `i` has read, padding left out.
  const std::vector<int32_t>& text(int64_t i) const { return texts_[static_cast<size_t>(i)]; }
  KvCache& cache() { return cache_; }
  /// Takes over a cache that holds `tokens` (of one row).
  void restore(KvCache cache, std::vector<int32_t> tokens);

 private:
  Tensor forward(const std::vector<int64_t>& ids, int64_t time, bool all_logits);
  void renew(int64_t upto);

  const CausalLm& model_;
  KvCache cache_;
  std::vector<std::vector<int32_t>> texts_;
  std::vector<int64_t> pads_;  // positions before each row's text
  int64_t expected_ = 0;       // the whole text is at least so long
};

}  // namespace gradus
