#include "models/text/labels.h"

#include "base/labels.h"
#include "ops/check.h"

namespace gradus {

namespace {

void require_matrix(const Tensor& labels) {
  require_index("labels", labels);
  if (labels.rank() != 2) throw ShapeError("labels", "must be (batch, time), got " + labels.describe() + ".");
}

}  // namespace

Tensor shift_labels(const Tensor& labels) {
  require_matrix(labels);
  const int64_t batch = labels.size(0), time = labels.size(1);
  const auto from = labels.to_vector<int64_t>();
  std::vector<int64_t> to(from.size(), kIgnoredLabel);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t + 1 < time; ++t)
      to[static_cast<size_t>(b * time + t)] = from[static_cast<size_t>(b * time + t + 1)];
  return from_vector(to, labels.shape());
}

Tensor shift_right(const Tensor& labels, int64_t start, int64_t pad) {
  require_matrix(labels);
  const auto time = static_cast<size_t>(labels.size(1));
  const auto from = labels.to_vector<int64_t>();
  std::vector<int64_t> to(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    to[i] = i % time == 0 ? start : from[i - 1];
    if (to[i] == kIgnoredLabel) to[i] = pad;
  }
  return from_vector(to, labels.shape());
}

}  // namespace gradus
