#include "kernels/cost.h"

namespace gradus {

namespace {
thread_local CountCosts* counter = nullptr;

double pairs(const Tensor& q, const Tensor& k) {  // of a query and a key, over all heads, times the head's width
  return static_cast<double>(q.count()) * static_cast<double>(k.shape()[1]);
}
}  // namespace

double product_flops(const MatmulArgs& args) {
  return 2.0 * static_cast<double>(args.y.count()) * static_cast<double>(args.a.shape().back());
}
double product_flops(const LinearCrossEntropyArgs& args) {  // logits, and a product more for each gradient
  const double products = 1.0 + args.dx.defined() + args.dw.defined();
  return products * 2.0 * static_cast<double>(args.x.count()) * static_cast<double>(args.w.shape()[0]);
}
double attention_flops(const AttentionArgs& args) { return 4 * pairs(args.q, args.k); }
double attention_flops(const AttentionBackwardArgs& args) { return 8 * pairs(args.q, args.k); }

CountCosts::CountCosts() : before_(counter) { counter = this; }
CountCosts::~CountCosts() { counter = before_; }
CountCosts* CountCosts::current() { return counter; }

}  // namespace gradus
