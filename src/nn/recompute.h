#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "autograd/checkpoint.h"
#include "nn/context.h"

namespace gradus {

/// Gradient checkpointing of a model's blocks: which of them backward() runs again instead of keeping their tensors.
/// The values, the gradients and the random numbers are those of a pass without it, bit for bit. One with a budget
/// keeps what it has weighed, and is not for two threads at once.
class Recompute {
 public:
  /// Every block but the last by itself: least memory inside a block, one tensor kept a block.
  static Recompute every_block();
  /// sqrt(blocks) segments (see sqrt_segments()).
  static Recompute sqrt();
  /// So many segments of about equal length, as many as there are blocks at most. Throws ValueError below 1.
  static Recompute segments(int64_t count);
  /// The least recomputation with which the tensors that blocks keep stay within `bytes` (see budget_segments()). A
  /// model's blocks are weighed the first time that a shape of input is seen. Throws ValueError below 1.
  static Recompute budget(int64_t bytes);

  /// Throws MemoryError when the budget is too small.
  std::vector<CheckpointSegment> plan(const std::vector<CheckpointBlock>& blocks, const Tensor& x) const;

 private:
  enum class Kind : uint8_t { every_block, sqrt, segments, budget };
  Recompute(Kind kind, int64_t value) : kind_(kind), value_(value) {}
  Kind kind_;
  int64_t value_;
  mutable std::map<std::string, std::vector<CheckpointSegment>> plans_;  // of a budget, by the number of blocks and x
};

/// x through blocks 0 … count-1, recomputed in backward as context.recompute says (not when context.states collects).
/// `block(i, x)` must own what it uses: it is called again in backward.
Tensor run_blocks(size_t count, const std::function<Tensor(size_t, const Tensor&)>& block, const Tensor& x,
                  const Context& context);

}  // namespace gradus
