#include "base/error.h"
#include "kernels/ref/ref.h"

namespace gradus::ref {

void rope(const RopeArgs&) { throw ValueError("rope", "no kernel yet."); }
void attention(const AttentionArgs&) { throw ValueError("attention", "no kernel yet."); }
void attention_backward(const AttentionBackwardArgs&) { throw ValueError("attention", "no kernel yet."); }

}  // namespace gradus::ref
