#pragma once
#include "tensor/tensor.h"

// Kernel arguments: attention and rotary positions. See kernels/table.h.
namespace gradus {

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
///   or window > 0 and |j - (i + Tk - Tq)| >= window;  or `mask` (B, Tk, bool) is defined and mask[b, j] is false.
/// With softcap c > 0 a score s counts as c tanh(s / c).
/// A query that sees nothing gets o = 0, lse = -inf. lse (B, H, Tq) in the accumulator dtype: log sum exp of the
/// scores.
struct AttentionArgs {
  const Tensor& q;
  const Tensor& k;
  const Tensor& v;
  const Tensor& mask;
  const Tensor& first;
  bool causal;
  int64_t window;
  double scale;
  double softcap;
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
  int64_t window;
  double scale;
  double softcap;
  const Tensor& o;
  const Tensor& lse;
  const Tensor& d_o;
  const Tensor& dq;
  const Tensor& dk;
  const Tensor& dv;  // dense or views with a unit last stride
};

#define GRADUS_ATTENTION_KERNELS(X) \
  X(rope, RopeArgs)                 \
  X(attention, AttentionArgs)       \
  X(attention_backward, AttentionBackwardArgs)

}  // namespace gradus
