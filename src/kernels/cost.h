#pragma once
#include <cstdint>

#include "kernels/table.h"

// What a kernel costs, told by its operands' shapes.
namespace gradus {

/// Operations of matrix products, 2 M N K each; 0 for other kernels.
double product_flops(const MatmulArgs& args);
double product_flops(const LinearCrossEntropyArgs& args);
template <class Args>
double product_flops(const Args&) {
  return 0;
}

/// Operations of attention's products over all pairs of a query and a key, seen or not (Chowdhery et al. 2022, "PaLM",
/// appendix B): two products forward, four backward (a third, the scores once more, is recomputation).
double attention_flops(const AttentionArgs& args);
double attention_flops(const AttentionBackwardArgs& args);
template <class Args>
double attention_flops(const Args&) {
  return 0;
}

/// Bytes that the fast CPU kernel allocates beside its operands while it runs, at most. Told for the kernels of
/// training steps whose share is noticeable: products, attention, the output layer's loss.
int64_t scratch_bytes(const MatmulArgs& args);
int64_t scratch_bytes(const LinearCrossEntropyArgs& args);
int64_t scratch_bytes(const AttentionArgs& args);
int64_t scratch_bytes(const AttentionBackwardArgs& args);
template <class Args>
int64_t scratch_bytes(const Args&) {
  return 0;
}

/// What the kernels of the meta device would have done, added up over the calls of this thread while one lives.
class CountCosts {
 public:
  CountCosts();
  ~CountCosts();
  CountCosts(const CountCosts&) = delete;
  CountCosts& operator=(const CountCosts&) = delete;

  double product_flops = 0, attention_flops = 0;
  double moved_bytes = 0;  ///< operands of all other kernels, read or written
  int64_t calls = 0;

  /// The innermost one of this thread; null when there is none.
  static CountCosts* current();

 private:
  CountCosts* before_;
};

}  // namespace gradus
