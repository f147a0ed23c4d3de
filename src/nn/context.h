#pragma once
#include <vector>

#include "base/random.h"
#include "tensor/tensor.h"

namespace gradus {

class Recompute;

/// What a forward pass needs to know beside its inputs.
struct Context {
  bool training = false;                  ///< dropout is active
  RandomKey dropout;                      ///< differs from step to step; every layer folds its own name in
  const Recompute* recompute = nullptr;   ///< which blocks run again in backward (nn/recompute.h); null: none
  std::vector<Tensor>* states = nullptr;  ///< run_blocks adds what goes into each block; null: not asked for

  /// The same without recomputation: a key/value cache must not be filled twice.
  Context keeping_all() const { return {training, dropout, nullptr, states}; }
};

}  // namespace gradus
