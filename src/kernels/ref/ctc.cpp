#include "kernels/ref/ctc.h"

namespace gradus::ref {

void ctc(const CtcArgs& args) {
  dispatch_floating("ctc", args.log_probs.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t n = 0; n < args.log_probs.size(1); ++n)
      args.loss.data<accumulator_t<T>>()[n] = CtcSequence<T>(args, n).forward();
  });
}

void ctc_backward(const CtcBackwardArgs& args) {
  dispatch_floating("ctc", args.log_probs.dtype(), [&](auto tag) {
    for (int64_t n = 0; n < args.log_probs.size(1); ++n) ctc_gradient<decltype(tag)>(args, n);
  });
}

}  // namespace gradus::ref
