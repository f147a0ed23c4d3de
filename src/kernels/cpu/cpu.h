#pragma once
#include "kernels/table.h"

// The fast CPU kernels: oneDNN for matrix products, Highway for the rest, AVX2 or AVX-512 chosen at run time.
// The list names the slots that have one; table.cpp fills the others from ref. One file a family.
namespace gradus::cpu {

#define GRADUS_CPU_KERNELS(X)                         \
  X(copy, CopyArgs)                                   \
  X(fill, FillArgs)                                   \
  X(random, RandomArgs)                               \
  X(unary, UnaryArgs)                                 \
  X(unary_backward, UnaryBackwardArgs)                \
  X(binary, BinaryArgs)                               \
  X(reduce, ReduceArgs)                               \
  X(embedding, EmbeddingArgs)                         \
  X(embedding_backward, EmbeddingBackwardArgs)        \
  X(matmul, MatmulArgs)                               \
  X(softmax, SoftmaxArgs)                             \
  X(softmax_backward, SoftmaxBackwardArgs)            \
  X(layer_norm, LayerNormArgs)                        \
  X(layer_norm_backward, LayerNormBackwardArgs)       \
  X(rms_norm, RmsNormArgs)                            \
  X(rms_norm_backward, RmsNormBackwardArgs)           \
  X(swiglu, SwigluArgs)                               \
  X(swiglu_backward, SwigluBackwardArgs)              \
  X(rope, RopeArgs)                                   \
  X(attention, AttentionArgs)                         \
  X(attention_backward, AttentionBackwardArgs)        \
  X(cross_entropy, CrossEntropyArgs)                  \
  X(cross_entropy_backward, CrossEntropyBackwardArgs) \
  X(linear_cross_entropy, LinearCrossEntropyArgs)     \
  X(dropout, DropoutArgs)                             \
  X(sum_squares, SumSquaresArgs)                      \
  X(adamw, AdamWArgs)

#define GRADUS_SLOT(name, Args) void name(const Args& args);
GRADUS_CPU_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT

}  // namespace gradus::cpu
