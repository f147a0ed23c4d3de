#include "train/lm_evaluation.h"

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/parallel.h"
#include "objectives/causal_lm.h"

namespace gradus {

TokenDocuments tokenize_documents(const Tokenizer& tokenizer, const std::vector<std::string>& texts,
                                  int32_t end_of_text) {
  std::vector<std::vector<int32_t>> ids(texts.size());
  const EncodeOptions options{.add_special_tokens = false, .parse_special_tokens = false};
  parallel_for(static_cast<int64_t>(texts.size()), 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      ids[at] = tokenizer.encode(texts[at], options);
    }
  });
  TokenDocuments documents(end_of_text);
  for (const auto& document : ids) documents.add(document);
  return documents;
}

int32_t end_of_text_of(const Tokenizer& tokenizer, const std::string& name) {
  if (!name.empty())
    if (const auto id = tokenizer.id_of(name)) return *id;
  for (const auto id : {tokenizer.eos(), tokenizer.bos()})
    if (id) return *id;
  throw ValueError("tokenizer", "the tokenizer has no end-of-text token" + (name.empty() ? "." : " \"" + name + "\"."),
                   "name one of its tokens: tokenizer.end_of_text.");
}

double LmEvaluation::loss() const { return nats / static_cast<double>(targets); }
double LmEvaluation::perplexity() const { return std::exp(loss()); }
double LmEvaluation::bits_per_byte() const { return nats / std::log(2.0) / static_cast<double>(bytes); }

MetricsRow LmEvaluation::row() const {
  return {{"eval_loss", loss()},
          {"eval_perplexity", perplexity()},
          {"eval_bits_per_byte", bits_per_byte()},
          {"eval_tokens", targets}};
}

LmBatch on_device(LmBatch batch, Device device) {
  if (device == Device::cpu) return batch;
  for (Tensor* x : {&batch.input_ids, &batch.labels, &batch.first, &batch.position_ids})
    if (x->defined()) *x = empty(x->shape(), x->dtype(), device);
  return batch;
}

LmEvaluation evaluate_causal_lm(const CausalLm& model, const TokenDocuments& documents, int64_t bytes,
                                int64_t block_size, int64_t rows) {
  const NoGrad no_grad;
  LmEvaluation result;
  result.bytes = bytes;
  const Device device = model.parameters().device();
  const WholeDocuments whole(documents, block_size, rows);
  // Without data all batches are alike: the first is the largest.
  const int64_t batches = device == Device::meta ? std::min<int64_t>(1, whole.batches()) : whole.batches();
  for (int64_t i = 0; i < batches; ++i) {
    const LmBatch batch = on_device(whole.batch(i), device);
    LmInput in;
    in.input_ids = batch.input_ids;
    in.first = batch.first;
    in.position_ids = batch.position_ids;
    const Tensor hidden = model.hidden(in, Context{});
    const Tensor nats = causal_lm_loss(model, hidden, batch.labels, 1);
    if (device != Device::meta) result.nats += nats.item();
    result.targets += batch.targets;
  }
  return result;
}

}  // namespace gradus
