#pragma once
#include "base/parallel.h"
#include "support/op_case.h"

namespace gradus::testing {

/// Runs `f` (which returns tensors) with one, two and three threads and wants the same bits.
template <class F>
void check_threads(const F& f, const std::string& what) {
  const int before = threads();
  set_threads(1);
  const Tensors one = f();
  for (int n : {2, 3}) {
    set_threads(n);
    const Tensors many = f();
    for (size_t i = 0; i < one.size(); ++i) check_same_bits(many[i], one[i], what);
  }
  set_threads(before);
}

}  // namespace gradus::testing
