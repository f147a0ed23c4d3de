#pragma once
#include "kernels/table.h"

// The memory that kernels take beside their operands, for kernels/cost.h: each stands beside its kernel.
namespace gradus::cpu {

int64_t matmul_scratch(const MatmulArgs& args);
int64_t linear_cross_entropy_scratch(const LinearCrossEntropyArgs& args);
int64_t attention_scratch(const AttentionArgs& args);
int64_t attention_backward_scratch(const AttentionBackwardArgs& args);

}  // namespace gradus::cpu
