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
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const int64_t batch = args.log_probs.size(1), classes = args.log_probs.size(2);
    std::fill_n(args.dlog_probs.data<T>(), args.dlog_probs.count(), T{});
    for (int64_t n = 0; n < batch; ++n) {
      const A loss = args.loss.data<A>()[n], dloss = args.dloss.data<A>()[n * args.dloss.strides()[0]];
      CtcSequence<T>(args, n).backward(loss, dloss, classes, [&](int64_t t, const std::vector<A>& row) {
        T* out = args.dlog_probs.data<T>() + (t * batch + n) * classes;
        for (int64_t c = 0; c < classes; ++c) out[c] = convert<T>(row[static_cast<size_t>(c)]);
      });
    }
  });
}

}  // namespace gradus::ref
