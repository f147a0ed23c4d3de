#pragma once
#include "kernels/cpu/conv_direct.h"
#include "kernels/table.h"

// Parts of the fast convolutions that several files use. All operands f32 and dense.
namespace gradus::cpu {

/// Where the pixels of a grid go: entry first + p * step of y (images, groups * channels, size).
struct ConvDestination {
  float* y = nullptr;
  const float* bias = nullptr;  // (groups * channels) or null
  int64_t channels = 0;         // of one group
  Place3 size{}, first{}, step{1, 1, 1};
};

/// The products of one convolution, or of one phase of a gradient: source, grid and destination, and which of the
/// weights' taps the grid's taps are.
struct ConvPass {
  ConvGrid grid;
  ConvDestination to;
  std::array<std::vector<int64_t>, 3> tap;  // of each axis
};

ConvPass forward_pass(const ConvArgs& args);
/// dx entry q reads dy where q + padding - t * dilation is a multiple of the stride: the entries with one remainder are
/// a pass each, which reads dy with step 1 and only its own taps.
std::vector<ConvPass> backward_passes(const ConvBackwardDataArgs& args);
/// The grid of the forward convolution, for the gradient of its weights.
ConvGrid weights_grid(const ConvBackwardWeightsArgs& args);

// One input channel a group. Entries of dx that no pass reads are 0 already.
void depthwise_conv(const ConvArgs& args);
void depthwise_backward_data(const ConvBackwardDataArgs& args, const std::vector<ConvPass>& passes);
void depthwise_backward_weights(const ConvBackwardWeightsArgs& args);

// Kernels of size 1 without stride and padding: matrix products.
void pointwise_conv(const ConvArgs& args);
void pointwise_backward_data(const ConvBackwardDataArgs& args);
void pointwise_backward_weights(const ConvBackwardWeightsArgs& args);

/// Fewer items than this would leave threads idle.
constexpr int64_t kConvItems = 8;

}  // namespace gradus::cpu
