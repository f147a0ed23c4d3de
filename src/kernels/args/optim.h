#pragma once
#include <cstdint>

#include "base/random.h"
#include "tensor/tensor.h"

// Kernel arguments: optimisers. See kernels/table.h.
namespace gradus {

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

#define GRADUS_OPTIM_RULES(X) X(sgd) X(adam) X(rmsprop) X(adagrad) X(lion) X(schedule_free)
enum class OptimRule : uint8_t {
#define GRADUS_NAME(name) name,
  GRADUS_OPTIM_RULES(GRADUS_NAME)
#undef GRADUS_NAME
};
const char* name_of(OptimRule f);

/// What the rules read beside their tensors; each says which.
struct OptimNumbers {
  double lr = 0, weight_decay = 0, grad_scale = 1;
  double beta1 = 0, beta2 = 0, eps = 0, dampening = 0;
  double weight = 0;  ///< schedule_free: c_k, the share of the newest point in the average
  bool nesterov = false;
  int64_t step = 1;  ///< counts from 1
};

/// One step of an element-wise optimiser on one parameter, in place, all dense; g is multiplied by grad_scale first.
/// p and g share one type, the state a, b, c is f32 (f64 for f64 parameters) and undefined where a rule has none.
///   sgd            g += wd p; a = step 1: g, else beta1 a + (1 - dampening) g; p -= lr (nesterov: g + beta1 a, else
///   a);
///                  without a: p -= lr g
///   adam           g += wd p; a = lerp(a, g, 1 - beta1); b = beta2 b + (1 - beta2) g^2;
///                  p -= lr (a / (1 - beta1^t)) / (sqrt(b / (1 - beta2^t)) + eps)
///   rmsprop        g += wd p; a = beta2 a + (1 - beta2) g^2; with c: c = lerp(c, g, 1 - beta2), a - c^2 in a's place;
///                  d = g / (sqrt(a) + eps); with b: b = beta1 b + d, d = b; p -= lr d
///   adagrad        g += wd p; a += g^2; p -= lr g / (sqrt(a) + eps)
///   lion           p -= lr wd p; p -= lr sign(beta1 a + (1 - beta1) g); a = beta2 a + (1 - beta2) g
///   schedule_free  p is y, a is z, b the second moment: b = beta2 b + (1 - beta2) g^2;
///                  d = g / (sqrt(b / (1 - beta2^t)) + eps) + wd y; y = lerp(y, z, weight) + lr (beta1 (1 - weight) -
///                  1) d; z -= lr d
struct OptimArgs {
  OptimRule f;
  const Tensor& p;
  const Tensor& g;
  const Tensor& a;
  const Tensor& b;
  const Tensor& c;
  OptimNumbers n;
};

/// AdamW whose moments are 8-bit codes with one f32 scale a block of kBlock numbers (Dettmers et al. 2022, "8-bit
/// Optimizers via Block-wise Quantization"): m in the signed, v in the unsigned dynamic map. The arithmetic is f32.
struct AdamW8bitArgs {
  static constexpr int64_t kBlock = 256;
  const Tensor& p;
  const Tensor& g;
  const Tensor& m;  ///< u8
  const Tensor& v;
  const Tensor& m_scale;  ///< f32, one a block
  const Tensor& v_scale;
  OptimNumbers n;
};

/// y = x (f32) rounded to y's type (bf16 or f16) up or down with the probabilities that make the mean exact; number i
/// draws number i of the stream `key`. What no finite y holds is rounded to nearest.
struct RoundStochasticArgs {
  const Tensor& x;
  const Tensor& y;
  RandomKey key;
};

#define GRADUS_OPTIM_KERNELS(X) \
  X(adamw, AdamWArgs)           \
  X(optim, OptimArgs)           \
  X(adamw_8bit, AdamW8bitArgs)  \
  X(round_stochastic, RoundStochasticArgs)

}  // namespace gradus
