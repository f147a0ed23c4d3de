#include "nn/recompute.h"

#include <algorithm>

#include "autograd/autograd.h"
#include "base/error.h"

namespace gradus {

Recompute Recompute::every_block() { return {Kind::every_block, 0}; }
Recompute Recompute::sqrt() { return {Kind::sqrt, 0}; }

Recompute Recompute::segments(int64_t count) {
  if (count < 1) throw ValueError("recompute", "needs at least one segment, got " + std::to_string(count) + ".");
  return {Kind::segments, count};
}

Recompute Recompute::budget(int64_t bytes) {
  if (bytes < 1) throw ValueError("recompute", "the budget must be positive, got " + std::to_string(bytes) + " bytes.");
  return {Kind::budget, bytes};
}

std::vector<CheckpointSegment> Recompute::plan(const std::vector<CheckpointBlock>& blocks, const Tensor& x) const {
  const auto n = static_cast<int64_t>(blocks.size());
  switch (kind_) {
    case Kind::every_block: return equal_segments(n, n);
    case Kind::sqrt: return sqrt_segments(n);
    case Kind::segments: return equal_segments(n, std::min(n, value_));
    case Kind::budget: break;
  }
  const std::string key = std::to_string(n) + " " + x.describe();
  auto known = plans_.find(key);
  if (known == plans_.end()) known = plans_.emplace(key, budget_segments(measure_blocks(blocks, x), value_)).first;
  return known->second;
}

Tensor run_blocks(size_t count, const std::function<Tensor(size_t, const Tensor&)>& block, const Tensor& x,
                  const Context& context) {
  if (!context.recompute || !recording() || context.states) {
    Tensor y = x;
    for (size_t i = 0; i < count; ++i) {
      if (context.states) context.states->push_back(y);
      y = block(i, y);
    }
    return y;
  }
  std::vector<CheckpointBlock> blocks;
  for (size_t i = 0; i < count; ++i) blocks.push_back([block, i](const Tensor& in) { return block(i, in); });
  return checkpoint_sequential(blocks, x, context.recompute->plan(blocks, x));
}

}  // namespace gradus
