#include "infer/decoding.h"

#include <algorithm>

#include "autograd/autograd.h"
#include "base/error.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

Decoding::Decoding(const CausalLm& model, int64_t rows, int64_t capacity, KvType type)
    : model_(model),
      cache_(model.make_cache(rows, capacity, type)),
      texts_(static_cast<size_t>(rows)),
      pads_(static_cast<size_t>(rows)) {}

// ids (rows, time) behind what the cache holds.
Tensor Decoding::forward(const std::vector<int64_t>& ids, int64_t time, bool all_logits) {
  const NoGrad no_grad;
  LmInput in;
  in.input_ids = from_vector(ids, {rows(), time});
  in.cache = &cache_;
  const int64_t begin = cache_.length, end = begin + time;
  const int64_t least = *std::min_element(pads_.begin(), pads_.end());
  in.length = std::max(expected_, end - least);
  if (std::any_of(pads_.begin(), pads_.end(), [](int64_t pad) { return pad > 0; })) {
    std::vector<int64_t> positions;
    in.attention_mask = empty({rows(), end}, Dtype::boolean);
    bool* mask = in.attention_mask.data<bool>();
    for (int64_t pad : pads_) {
      for (int64_t t = 0; t < end; ++t) *mask++ = t >= pad;
      for (int64_t t = begin; t < end; ++t) positions.push_back(std::max<int64_t>(t - pad, 0));
    }
    in.position_ids = from_vector(positions, {rows(), time});
  }
  Tensor hidden = model_.hidden(in, {});
  hidden = all_logits ? reshape(hidden, {rows() * time, hidden.size(2)}) : select(hidden, 1, time - 1);
  return contiguous(cast(model_.logits(hidden), Dtype::f32));
}

Tensor Decoding::prefill(const std::vector<std::vector<int32_t>>& prompts, int64_t chunk,
                         const std::function<bool()>& on_chunk) {
  if (static_cast<int64_t>(prompts.size()) != rows())
    throw ValueError("generate", std::to_string(prompts.size()) + " prompts for " + std::to_string(rows()) + " rows.");
  if (chunk < 1) throw ValueError("generate", "prefill_chunk is " + std::to_string(chunk) + ", expected 1 or more.");
  int64_t longest = 0;
  for (const auto& prompt : prompts) {
    if (prompt.empty())
      throw ValueError("generate", "the prompt is empty.", "begin with the model's first token (bos or eos).");
    longest = std::max(longest, static_cast<int64_t>(prompt.size()));
  }
  const int64_t known = cache_.length;  // of a restored cache
  expected_ = longest;
  for (size_t r = 0; r < prompts.size(); ++r) {
    texts_[r] = prompts[r];
    pads_[r] = longest - static_cast<int64_t>(prompts[r].size());
  }
  const int64_t expires = model_.cache_expires_at();
  if (expires > 0 && known < expires && longest >= expires) cache_.clear();
  Tensor logits;
  for (int64_t at = cache_.length; at < longest; at += chunk) {
    const int64_t n = std::min(chunk, longest - at);
    std::vector<int64_t> ids;
    for (size_t r = 0; r < prompts.size(); ++r)
      for (int64_t t = at; t < at + n; ++t)
        ids.push_back(t < pads_[r] ? 0 : prompts[r][static_cast<size_t>(t - pads_[r])]);
    logits = forward(ids, n, false);
    if (on_chunk && !on_chunk()) return {};
  }
  return logits;
}

// Reads the texts again up to position `upto`: keys that were turned for a shorter text are of no use.
void Decoding::renew(int64_t upto) {
  const int64_t expires = model_.cache_expires_at();
  const int64_t least = *std::min_element(pads_.begin(), pads_.end());
  const int64_t before = cache_.length - least, after = upto - least;
  if (expires == 0 || before >= expires || after < expires || expected_ >= expires || cache_.length == 0) return;
  const int64_t length = cache_.length;
  cache_.clear();
  expected_ = after;
  constexpr int64_t kChunk = 512;
  for (int64_t at = 0; at < length; at += kChunk) {
    const int64_t n = std::min(kChunk, length - at);
    std::vector<int64_t> ids;
    for (size_t r = 0; r < texts_.size(); ++r)
      for (int64_t t = at; t < at + n; ++t)
        ids.push_back(t < pads_[r] ? 0 : texts_[r][static_cast<size_t>(t - pads_[r])]);
    forward(ids, n, false);
  }
}

Tensor Decoding::step(const std::vector<int32_t>& next) {
  if (static_cast<int64_t>(next.size()) != rows())
    throw ValueError("generate", std::to_string(next.size()) + " tokens for " + std::to_string(rows()) + " rows.");
  renew(cache_.length + 1);
  for (size_t r = 0; r < next.size(); ++r) texts_[r].push_back(next[r]);
  return forward({next.begin(), next.end()}, 1, false);
}

Tensor Decoding::read(const std::vector<int32_t>& tokens) {
  if (rows() != 1 || tokens.empty()) throw ValueError("generate", "read() takes tokens of one row.");
  renew(cache_.length + static_cast<int64_t>(tokens.size()));
  texts_[0].insert(texts_[0].end(), tokens.begin(), tokens.end());
  return forward({tokens.begin(), tokens.end()}, static_cast<int64_t>(tokens.size()), true);
}

void Decoding::cut(int64_t length) {
  cache_.cut(length);
  for (size_t r = 0; r < texts_.size(); ++r)
    texts_[r].resize(
        static_cast<size_t>(std::min(static_cast<int64_t>(texts_[r].size()), std::max<int64_t>(length - pads_[r], 0))));
}

void Decoding::select_rows(const std::vector<int64_t>& from) {
  cache_.select_rows(from);
  std::vector<std::vector<int32_t>> texts;
  std::vector<int64_t> pads;
  for (int64_t row : from) {
    texts.push_back(texts_[static_cast<size_t>(row)]);
    pads.push_back(pads_[static_cast<size_t>(row)]);
  }
  texts_ = std::move(texts);
  pads_ = std::move(pads);
}

void Decoding::restore(KvCache cache, std::vector<int32_t> tokens) {
  cache_ = std::move(cache);
  texts_ = {std::move(tokens)};
  pads_ = {0};
}

}  // namespace gradus
