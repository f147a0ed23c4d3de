#include "data/shuffled.h"

#include "base/error.h"
#include "data/packing.h"

namespace gradus {

ShuffledIndices::ShuffledIndices(int64_t count, RandomKey key) : count_(count), key_(key) {
  if (count < 1) throw ValueError("data", "there is nothing to train on.");
}

int64_t ShuffledIndices::next() {
  const int64_t epoch = position_ / count_;
  if (epoch != ordered_) {
    order_ = random_order(count_, key_.fold(static_cast<uint64_t>(epoch)));
    ordered_ = epoch;
  }
  return order_[static_cast<size_t>(position_++ % count_)];
}

}  // namespace gradus
