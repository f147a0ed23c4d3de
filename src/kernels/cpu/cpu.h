#pragma once
#include <cstdint>

#include "kernels/ref/ref.h"

// The fast CPU kernels: oneDNN for matrix products, Highway for the rest, AVX2 or AVX-512 chosen at run time.
// The list names the slots that have one and the types it takes ("all": any); what else comes, a kernel hands to ref.
// table.cpp fills the other slots from ref. One file a family.
// Inside gradus::cpu, ref::softmax(args) hands over and is counted, so that a test sees which types a kernel takes.
namespace gradus::cpu {

#define GRADUS_CPU_COPY_KERNELS(X) \
  X(copy, CopyArgs, "all")         \
  X(fill, FillArgs, "f32")         \
  X(random, RandomArgs, "f32")

#define GRADUS_CPU_ELEMENTWISE_KERNELS(X)              \
  X(unary, UnaryArgs, "f64 f32 f16 bf16")              \
  X(unary_backward, UnaryBackwardArgs, "f32 f16 bf16") \
  X(binary, BinaryArgs, "f64 f32 f16 bf16")            \
  X(where, WhereArgs, "all")

#define GRADUS_CPU_REDUCE_KERNELS(X)    \
  X(reduce, ReduceArgs, "f32")          \
  X(arg_extreme, ArgExtremeArgs, "f32") \
  X(moments, MomentsArgs, "f32")        \
  X(logsumexp, LogsumexpArgs, "f32")    \
  X(sum_squares, SumSquaresArgs, "f32")

#define GRADUS_CPU_INDEX_KERNELS(X)                   \
  X(embedding, EmbeddingArgs, "all")                  \
  X(embedding_backward, EmbeddingBackwardArgs, "f32") \
  X(gather, GatherArgs, "all")                        \
  X(scatter, ScatterArgs, "f32")

#define GRADUS_CPU_MATMUL_KERNELS(X)                   \
  X(matmul, MatmulArgs, "f64 f32 f16 bf16")            \
  X(grouped_matmul, GroupedMatmulArgs, "f32 f16 bf16") \
  X(grouped_outer, GroupedOuterArgs, "f32 f16 bf16")

#define GRADUS_CPU_SOFTMAX_KERNELS(X) \
  X(softmax, SoftmaxArgs, "f32")      \
  X(softmax_backward, SoftmaxBackwardArgs, "f32")

#define GRADUS_CPU_NORM_KERNELS(X)                     \
  X(layer_norm, LayerNormArgs, "f32")                  \
  X(layer_norm_backward, LayerNormBackwardArgs, "f32") \
  X(rms_norm, RmsNormArgs, "f32")                      \
  X(rms_norm_backward, RmsNormBackwardArgs, "f32")     \
  X(batch_norm, BatchNormArgs, "f32")                  \
  X(batch_norm_backward, BatchNormBackwardArgs, "f32") \
  X(group_norm, GroupNormArgs, "f32")                  \
  X(group_norm_backward, GroupNormBackwardArgs, "f32")

#define GRADUS_CPU_ACTIVATION_KERNELS(X)      \
  X(gated, GatedArgs, "f32 f16 bf16")         \
  X(gated_backward, GatedBackwardArgs, "f32") \
  X(dropout, DropoutArgs, "f32")

#define GRADUS_CPU_ATTENTION_KERNELS(X) \
  X(rope, RopeArgs, "f32")              \
  X(attention, AttentionArgs, "f32")    \
  X(attention_backward, AttentionBackwardArgs, "f32")

#define GRADUS_CPU_LOSS_KERNELS(X)                           \
  X(cross_entropy, CrossEntropyArgs, "f32")                  \
  X(cross_entropy_backward, CrossEntropyBackwardArgs, "f32") \
  X(linear_cross_entropy, LinearCrossEntropyArgs, "f32")     \
  X(pair_loss, PairLossArgs, "f32")                          \
  X(pair_loss_backward, PairLossBackwardArgs, "f32")

#define GRADUS_CPU_OPTIM_KERNELS(X) \
  X(adamw, AdamWArgs, "f32")        \
  X(optim, OptimArgs, "f32")        \
  X(adamw_8bit, AdamW8bitArgs, "f32")

#define GRADUS_CPU_SCAN_KERNELS(X)                  \
  X(scan, ScanArgs, "f32")                          \
  X(linear_scan, LinearScanArgs, "f32")             \
  X(sort, SortArgs, "f32 f16 bf16 i64 i32 u8 bool") \
  X(topk, TopkArgs, "f32")

#define GRADUS_CPU_CONV_KERNELS(X)                            \
  X(conv, ConvArgs, "f32 f16 bf16")                           \
  X(conv_backward_data, ConvBackwardDataArgs, "f32 f16 bf16") \
  X(conv_backward_weights, ConvBackwardWeightsArgs, "f32 f16 bf16")

#define GRADUS_CPU_POOL_KERNELS(X) \
  X(max_pool, MaxPoolArgs, "f32")  \
  X(max_pool_backward, MaxPoolBackwardArgs, "f32")

#define GRADUS_CPU_RESAMPLE_KERNELS(X)  \
  X(resample, ResampleArgs, "f32")      \
  X(grid_sample, GridSampleArgs, "f32") \
  X(grid_sample_backward, GridSampleBackwardArgs, "f32")

#define GRADUS_CPU_FFT_KERNELS(X)       \
  X(complex_mul, ComplexMulArgs, "f32") \
  X(fft, FftArgs, "f64 f32 f16 bf16")   \
  X(rfft, RfftArgs, "f64 f32 f16 bf16") \
  X(irfft, IrfftArgs, "f64 f32 f16 bf16")

#define GRADUS_CPU_SHAPE_KERNELS(X) \
  X(pad, PadArgs, "all")            \
  X(accumulate, AccumulateArgs, "f32")

#define GRADUS_CPU_LINALG_KERNELS(X)                  \
  X(lu_factor, LuFactorArgs, "f64 f32")               \
  X(lu_solve, LuSolveArgs, "f64 f32")                 \
  X(cholesky, CholeskyArgs, "f64 f32")                \
  X(triangular_solve, TriangularSolveArgs, "f64 f32") \
  X(qr, QrArgs, "f64 f32")                            \
  X(eigh, EighArgs, "f64 f32")                        \
  X(svd, SvdArgs, "f64 f32")

#define GRADUS_CPU_KERNELS(X)       \
  GRADUS_CPU_COPY_KERNELS(X)        \
  GRADUS_CPU_ELEMENTWISE_KERNELS(X) \
  GRADUS_CPU_REDUCE_KERNELS(X)      \
  GRADUS_CPU_INDEX_KERNELS(X)       \
  GRADUS_CPU_MATMUL_KERNELS(X)      \
  GRADUS_CPU_SOFTMAX_KERNELS(X)     \
  GRADUS_CPU_NORM_KERNELS(X)        \
  GRADUS_CPU_ACTIVATION_KERNELS(X)  \
  GRADUS_CPU_ATTENTION_KERNELS(X)   \
  GRADUS_CPU_LOSS_KERNELS(X)        \
  GRADUS_CPU_OPTIM_KERNELS(X)       \
  GRADUS_CPU_SCAN_KERNELS(X)        \
  GRADUS_CPU_CONV_KERNELS(X)        \
  GRADUS_CPU_POOL_KERNELS(X)        \
  GRADUS_CPU_RESAMPLE_KERNELS(X)    \
  GRADUS_CPU_FFT_KERNELS(X)         \
  GRADUS_CPU_SHAPE_KERNELS(X)       \
  GRADUS_CPU_LINALG_KERNELS(X)

#define GRADUS_SLOT(name, Args, types) void name(const Args& args);
GRADUS_CPU_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT

namespace ref {
using namespace gradus::ref;  // the rest of it, as it is
extern constinit thread_local int64_t calls;
#define GRADUS_SLOT(name, Args)        \
  inline void name(const Args& args) { \
    ++calls;                           \
    gradus::ref::name(args);           \
  }
GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
}  // namespace ref

}  // namespace gradus::cpu
