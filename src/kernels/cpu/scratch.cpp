#include "kernels/cpu/scratch.h"

#include "kernels/cost.h"

namespace gradus {

int64_t scratch_bytes(const MatmulArgs& args) { return cpu::matmul_scratch(args); }
int64_t scratch_bytes(const LinearCrossEntropyArgs& args) { return cpu::linear_cross_entropy_scratch(args); }
int64_t scratch_bytes(const AttentionArgs& args) { return cpu::attention_scratch(args); }
int64_t scratch_bytes(const AttentionBackwardArgs& args) { return cpu::attention_backward_scratch(args); }

}  // namespace gradus
