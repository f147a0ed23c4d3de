#include "objectives/causal_lm.h"

#include "base/labels.h"

namespace gradus {

int64_t count_targets(const Tensor& shifted) {
  int64_t n = 0;
  for (int64_t label : shifted.to_vector<int64_t>()) n += label != kIgnoredLabel;
  return n;
}

Tensor causal_lm_loss(const CausalLm& model, const Tensor& hidden, const Tensor& shifted, double normaliser) {
  return model.loss(hidden, shifted, normaliser);
}

}  // namespace gradus
