#pragma once
#include <cstdint>

#include "base/random.h"
#include "tensor/tensor.h"

// What the devices compute. Ops check their operands and allocate the outputs; a kernel only fills them. Unless a
// comment says otherwise operands share one floating dtype, may have any strides, and outputs are dense.
namespace gradus {

enum class Unary : uint8_t {
  neg,
  abs,
  sign,
  exp,
  log,
  sqrt,
  rsqrt,
  square,
  reciprocal,
  sin,
  cos,
  tanh,
  sigmoid,
  erf,
  relu,
  silu,
  gelu,
  gelu_tanh,
};
const char* name_of(Unary f);

enum class Binary : uint8_t { add, sub, mul, div, maximum, minimum, pow, eq, ne, lt, le, gt, ge };
const char* name_of(Binary f);
constexpr bool is_comparison(Binary f) { return f >= Binary::eq; }

enum class Reduction : uint8_t { sum, max, min };
enum class Distribution : uint8_t { uniform, normal };

/// y = x, converted to y's dtype. Both may have any strides and any dtype.
struct CopyArgs {
  const Tensor& x;
  const Tensor& y;
};
/// y = value; any dtype and strides.
struct FillArgs {
  const Tensor& y;
  double value;
};
/// y_i = start + i*step, any dtype.
struct IotaArgs {
  const Tensor& y;
  double start, step;
};
/// y_i is number i of the stream `key`: uniform in [a, b), or normal with mean a and deviation b.
struct RandomArgs {
  const Tensor& y;
  Distribution distribution;
  RandomKey key;
  double a, b;
};

struct UnaryArgs {
  Unary f;
  const Tensor& x;
  const Tensor& y;
};
/// dx = f'(x) * dy for relu, silu, gelu, gelu_tanh.
struct UnaryBackwardArgs {
  Unary f;
  const Tensor& x;
  const Tensor& dy;
  const Tensor& dx;
};
/// a and b are already broadcast to y's shape (stride 0) and of one dtype, which may be an integer one.
/// y has that dtype, bool for comparisons.
struct BinaryArgs {
  Binary f;
  const Tensor& a;
  const Tensor& b;
  const Tensor& y;
};
/// y = condition ? a : b; all broadcast to y's shape; condition is bool; any dtype.
struct WhereArgs {
  const Tensor& condition;
  const Tensor& a;
  const Tensor& b;
  const Tensor& y;
};

/// y has x's rank, with size 1 at every reduced axis. Any dtype; sums of integers wrap.
/// An empty max or min was refused by the op.
struct ReduceArgs {
  Reduction f;
  const Tensor& x;
  const Tensor& y;
};
/// y (i64, shape of x without `axis`): index of the first largest element.
struct ArgmaxArgs {
  const Tensor& x;
  const Tensor& y;
  int axis;
};

/// y[i, :] = table[ids[i], :]; ids (n) i32 or i64, checked; table (rows, width) of any dtype.
struct EmbeddingArgs {
  const Tensor& table;
  const Tensor& ids;
  const Tensor& y;
};
/// dtable[ids[i], :] += dy[i, :]; dtable is zeroed by the kernel first.
struct EmbeddingBackwardArgs {
  const Tensor& ids;
  const Tensor& dy;
  const Tensor& dtable;
};
/// y[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`; index has y's shape, i32 or i64, checked.
struct GatherArgs {
  const Tensor& x;
  const Tensor& index;
  const Tensor& y;
  int axis;
};
/// dx[.., index[.., i, ..], ..] += dy[.., i, ..]; dx is zeroed by the kernel first.
struct ScatterAddArgs {
  const Tensor& index;
  const Tensor& dy;
  const Tensor& dx;
  int axis;
};

/// y = a b (+ bias) (+ y when accumulate). a (*, M, K), b (*, K, N), y (*, M, N), equal leading axes (broadcast by
/// stride 0), up to rank 8; bias (N) or undefined. y may be strided with a unit last stride.
struct MatmulArgs {
  const Tensor& a;
  const Tensor& b;
  const Tensor& y;
  const Tensor& bias;
  bool accumulate;
};

/// Along the last axis.
struct SoftmaxArgs {
  const Tensor& x;
  const Tensor& y;
  bool log;
};
/// softmax: dx = y (dy - sum(dy y)); log: dx = dy - exp(y) sum(dy).
struct SoftmaxBackwardArgs {
  const Tensor& y;
  const Tensor& dy;
  const Tensor& dx;
  bool log;
};

/// y = (x - mean) * rstd * weight + bias over the last axis, rstd = 1/sqrt(var + eps), biased variance.
/// weight and bias may be undefined. mean, rstd (rows) in the accumulator dtype.
struct LayerNormArgs {
  const Tensor& x;
  const Tensor& weight;
  const Tensor& bias;
  double eps;
  const Tensor& y;
  const Tensor& mean;
  const Tensor& rstd;
};
/// Undefined outputs are not computed.
struct LayerNormBackwardArgs {
  const Tensor& x;
  const Tensor& weight;
  const Tensor& mean;
  const Tensor& rstd;
  const Tensor& dy;
  const Tensor& dx;
  const Tensor& dweight;
  const Tensor& dbias;
};
/// y = x * rstd * weight, rstd = 1/sqrt(mean(x^2) + eps); x*rstd is rounded to x's dtype before the weight.
struct RmsNormArgs {
  const Tensor& x;
  const Tensor& weight;
  double eps;
  const Tensor& y;
  const Tensor& rstd;
};
struct RmsNormBackwardArgs {
  const Tensor& x;
  const Tensor& weight;
  const Tensor& rstd;
  const Tensor& dy;
  const Tensor& dx;
  const Tensor& dweight;
};

/// y = silu(gate) * up.
struct SwigluArgs {
  const Tensor& gate;
  const Tensor& up;
  const Tensor& y;
};
struct SwigluBackwardArgs {
  const Tensor& gate;
  const Tensor& up;
  const Tensor& dy;
  const Tensor& dgate;
  const Tensor& dup;
};

/// Rotates pairs of the last axis of x (B, T, H, D) by angles whose cos and sin (B or 1, T, R/2) are given, R <= D
/// even; the D - R last entries pass. Pairs are (i, i + R/2), or (2i, 2i+1) when interleaved. `inverse` rotates back.
struct RopeArgs {
  const Tensor& x;
  const Tensor& cos;
  const Tensor& sin;
  const Tensor& y;
  bool interleaved;
  bool inverse;
};

/// o_i = sum_j p_ij v_j, p_ij = softmax over the visible j of scale * q_i . k_j.
/// q, o (B, Tq, H, D); k (B, Tk, G, D), v (B, Tk, G, D), H a multiple of G (query head h reads key head h / (H/G)).
/// Key j is visible to query i of batch row b unless
///   causal and j > i + Tk - Tq;  or `first` (B, Tq, i32) is defined and j < first[b, i];
///   or `mask` (B, Tk, bool) is defined and mask[b, j] is false.
/// A query that sees nothing gets o = 0, lse = -inf. lse (B, H, Tq) in the accumulator dtype: log sum exp of the
/// scores.
struct AttentionArgs {
  const Tensor& q;
  const Tensor& k;
  const Tensor& v;
  const Tensor& mask;
  const Tensor& first;
  bool causal;
  double scale;
  const Tensor& o;
  const Tensor& lse;
};
struct AttentionBackwardArgs {
  const Tensor& q;
  const Tensor& k;
  const Tensor& v;
  const Tensor& mask;
  const Tensor& first;
  bool causal;
  double scale;
  const Tensor& o;
  const Tensor& lse;
  const Tensor& d_o;
  const Tensor& dq;
  const Tensor& dk;
  const Tensor& dv;  // dense or views with a unit last stride
};

/// The label of a position that takes no part in the loss.
constexpr int64_t kIgnoredLabel = -100;

/// loss_i = lse_i - x[i, label_i], lse_i = log sum_j exp x_ij; loss 0 where the label is -100. x (N, V); labels (N)
/// i64, checked; loss and lse (N) in the accumulator dtype.
struct CrossEntropyArgs {
  const Tensor& logits;
  const Tensor& labels;
  const Tensor& loss;
  const Tensor& lse;
};
/// dlogits_ij = (exp(x_ij - lse_i) - [j = label_i]) * dloss_i; a row of zeros where the label is -100.
struct CrossEntropyBackwardArgs {
  const Tensor& logits;
  const Tensor& labels;
  const Tensor& lse;
  const Tensor& dloss;
  const Tensor& dlogits;
};
/// The same on logits = x w^T computed a block of rows at a time, never stored whole. x (N, C), w (V, C), loss (N).
/// When defined, dx (N, C) and dw (V, C) receive the gradients of scale * sum_i loss_i.
struct LinearCrossEntropyArgs {
  const Tensor& x;
  const Tensor& w;
  const Tensor& labels;
  double scale;
  const Tensor& loss;
  const Tensor& dx;
  const Tensor& dw;
};

/// y_i = x_i / (1-p) where number i of the stream is >= p, else 0; i counts elements in row-major order.
struct DropoutArgs {
  const Tensor& x;
  const Tensor& y;
  double p;
  RandomKey key;
};

/// The sum of squares of x, added in f64 in an order that does not depend on the threads, into result (1, f64).
struct SumSquaresArgs {
  const Tensor& x;
  const Tensor& result;
};
/// Decoupled AdamW (Loshchilov & Hutter 2019) on one parameter, in place, all dense. g is multiplied by grad_scale
/// first. step counts from 1. m and v are f32 (f64 for f64 parameters).
struct AdamWArgs {
  const Tensor& p;
  const Tensor& g;
  const Tensor& m;
  const Tensor& v;
  double lr, beta1, beta2, eps, weight_decay, grad_scale;
  int64_t step;
};

/// One line a kernel: slot name, argument struct. The table, its names and the reports are made from this list.
#define GRADUS_KERNELS(X)                             \
  X(copy, CopyArgs)                                   \
  X(fill, FillArgs)                                   \
  X(iota, IotaArgs)                                   \
  X(random, RandomArgs)                               \
  X(unary, UnaryArgs)                                 \
  X(unary_backward, UnaryBackwardArgs)                \
  X(binary, BinaryArgs)                               \
  X(where, WhereArgs)                                 \
  X(reduce, ReduceArgs)                               \
  X(argmax, ArgmaxArgs)                               \
  X(embedding, EmbeddingArgs)                         \
  X(embedding_backward, EmbeddingBackwardArgs)        \
  X(gather, GatherArgs)                               \
  X(scatter_add, ScatterAddArgs)                      \
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

struct KernelTable {
#define GRADUS_SLOT(name, Args) void (*name)(const Args&) = nullptr;
  GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
};

/// The table of a device: every slot is filled.
const KernelTable& kernels(Device device);

/// The table of plain loops, which every other is checked against.
const KernelTable& ref_kernels();
/// The fast CPU table: slots without a fast kernel hold the ref one. A fast kernel may itself hand operands it is not
/// made for (types, strides) to ref.
const KernelTable& cpu_kernels();
const KernelTable& meta_kernels();

/// Makes kernels(Device::cpu) give another table (a profiler's, say), or the usual one again when null.
void replace_cpu_kernels(const KernelTable* table);

/// For tests: CPU ops use the ref table while one of these lives (on this thread).
class UseRefKernels {
 public:
  UseRefKernels();
  ~UseRefKernels();

 private:
  bool before_;
};

}  // namespace gradus
