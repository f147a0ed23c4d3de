#pragma once
// Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174): memory for time.
#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// f(inputs), without keeping what the gradient rules inside f save: backward() runs f again when it gets there. Values
/// and gradients are those of the plain call, bit for bit; so are gradients of gradients, gradients of tensors that f
/// captured, and everything else that depends on the graph, because the graph is the same: only numbers are given back.
/// Calls may be nested.
///
/// f must own what it uses (capture by value, or objects that outlive backward()) and do the same each time it runs;
/// random numbers by key are the same by themselves. A state that f changes beside its result must be left alone when
/// recomputing(). backward() throws GradError when f does not save the same tensors again, and when a tensor that f
/// reads was changed in place in between. Outside recording() it is a plain call.
Tensors checkpoint(const std::function<Tensors(const Tensors&)>& f, const Tensors& inputs);
Tensor checkpoint(const std::function<Tensor(const Tensors&)>& f, const Tensors& inputs);
Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x);

/// Consecutive blocks begin … end-1; with `recompute` they are one checkpoint() together.
struct CheckpointSegment {
  int64_t begin = 0, end = 0;
  bool recompute = true;
  bool operator==(const CheckpointSegment&) const = default;
};

/// `segments` pieces of nearly equal length. The last one is not recomputed: backward() begins there, where its tensors
/// are still at hand. Memory grows like segments + blocks/segments, which about sqrt(blocks) segments make least.
/// Throws ValueError unless 1 <= segments <= blocks (no blocks: no segments).
std::vector<CheckpointSegment> equal_segments(int64_t blocks, int64_t segments);
/// equal_segments() with sqrt(blocks) segments, rounded.
std::vector<CheckpointSegment> sqrt_segments(int64_t blocks);

/// What a block costs.
struct BlockCost {
  int64_t input_bytes = 0;  ///< of the tensor that enters it: kept when a segment begins here
  int64_t saved_bytes = 0;  ///< what its gradient rules keep, its input not counted
  double time = 1;          ///< of one forward pass, in any unit
};

/// The segments with the least recomputation whose memory never passes `budget_bytes`. At any time that is: the inputs
/// of the segments so far, what blocks that are not recomputed keep, and all of the segment being worked on. Exact, by
/// dynamic programming over the Pareto front of (memory, time). Throws MemoryError naming the smallest budget that is
/// enough.
std::vector<CheckpointSegment> budget_segments(const std::vector<BlockCost>& blocks, int64_t budget_bytes);
/// The most memory that the segments take, counted in the same way.
int64_t segments_peak(const std::vector<BlockCost>& blocks, const std::vector<CheckpointSegment>& segments);

using CheckpointBlock = std::function<Tensor(const Tensor&)>;

/// blocks.back()(… blocks[0](x)), with checkpoint() around the segments that say so. Segments must cover all blocks in
/// order (ValueError). The blocks are copied; see checkpoint() for what they may do.
Tensor checkpoint_sequential(const std::vector<CheckpointBlock>& blocks, const Tensor& x,
                             const std::vector<CheckpointSegment>& segments);
/// With sqrt_segments().
Tensor checkpoint_sequential(const std::vector<CheckpointBlock>& blocks, const Tensor& x);

/// Runs each block once, forward only, and weighs what it keeps: for budget_segments(). `time` is 1 for every block.
std::vector<BlockCost> measure_blocks(const std::vector<CheckpointBlock>& blocks, const Tensor& x);

}  // namespace gradus
