#pragma once
#include "kernels/table.h"

// The fast CPU kernels: oneDNN for matrix products, Highway for the rest, AVX2 or AVX-512 chosen at run time.
// The list names the slots that have one; table.cpp fills the others from ref. One file a family.
namespace gradus::cpu {

#define GRADUS_CPU_KERNELS(X)                  \
  X(matmul, MatmulArgs)                        \
  X(attention, AttentionArgs)                  \
  X(attention_backward, AttentionBackwardArgs) \
  X(rope, RopeArgs)

#define GRADUS_SLOT(name, Args) void name(const Args& args);
GRADUS_CPU_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT

}  // namespace gradus::cpu
