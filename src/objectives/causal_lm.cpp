#include "objectives/causal_lm.h"

#include "autograd/observer.h"
#include "ops/check.h"
#include "ops/loss.h"

namespace gradus {

Tensor shift_labels(const Tensor& labels) {
  require_index("labels", labels);
  if (labels.rank() != 2) throw ShapeError("labels", "must be (batch, time), got " + labels.describe() + ".");
  const int64_t batch = labels.size(0), time = labels.size(1);
  const auto from = labels.to_vector<int64_t>();
  std::vector<int64_t> to(from.size(), kIgnoredLabel);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t + 1 < time; ++t)
      to[static_cast<size_t>(b * time + t)] = from[static_cast<size_t>(b * time + t + 1)];
  return from_vector(to, labels.shape());
}

int64_t count_targets(const Tensor& shifted) {
  int64_t n = 0;
  for (int64_t label : shifted.to_vector<int64_t>()) n += label != kIgnoredLabel;
  return n;
}

Tensor causal_lm_loss(const CausalLm& model, const Tensor& hidden, const Tensor& shifted, double normaliser) {
  const TraceScope trace("loss");
  return linear_cross_entropy(hidden, model.head(), shifted, normaliser, model.logit_softcap());
}

}  // namespace gradus
