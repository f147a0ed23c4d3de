#pragma once
#include "base/random.h"

namespace gradus {

/// What a forward pass needs to know beside its inputs.
struct Context {
  bool training = false;  ///< dropout is active
  RandomKey dropout;      ///< differs from step to step; every layer folds its own name in
};

}  // namespace gradus
