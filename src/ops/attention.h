#pragma once
#include "base/random.h"
#include "tensor/tensor.h"

namespace gradus {

struct AttentionOptions {
  bool causal = true;  ///< query i sees keys up to i + Tk - Tq
  int64_t window = 0;  ///< and only keys closer to that one than this: with `causal` the last `window` keys; 0: all
  double scale = 0;    ///< on the scores; 0 means 1/sqrt(D)
  double softcap = 0;  ///< c: scores s become c tanh(s / c), as in Gemma 2; 0: they stay
  Tensor mask = {};    ///< (B, Tk) bool, optional: false hides a key, as padding
  Tensor first = {};   ///< (B, Tq) i32, optional: the first key a query sees, as the start of its packed document
  double dropout = 0;  ///< probability that a weight p_ij is dropped; above 0 the weights are held whole
  RandomKey dropout_key = {};
};

/// o_i = sum_j p_ij v_j, p_i = softmax over the visible keys j of scale * q_i . k_j, capped.
/// q (B, Tq, H, D); k, v (B, Tk, G, D), G dividing H: query head h reads key head h / (H/G) -> (B, Tq, H, D).
/// A query that sees no key gives zeros and passes no gradient. Any strides. Never holds a Tq x Tk matrix: memory is
/// linear in the length, forward and backward; only gradients of gradients go through the composition below.
/// Throws ShapeError, DtypeError, and ValueError for different devices and for a negative window or softcap.
/// Vaswani et al., "Attention is all you need", 2017, eq. 1; tiled as in Dao, "FlashAttention-2", 2023.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options = {});

/// attention() of the three thirds of one projection: qkv (B, T, 3*heads*D) -> (B, T, heads*D). The gradient of qkv is
/// written in place, without joining three.
Tensor attention_qkv(const Tensor& qkv, int heads, const AttentionOptions& options = {});

/// The same out of smaller ops, with its Tq x Tk matrices: what attention() is checked against.
Tensor attention_composed(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options = {});

}  // namespace gradus
