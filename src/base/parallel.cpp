#include "base/parallel.h"

#include <omp.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <atomic>
#include <exception>

namespace gradus {

int threads() { return omp_get_max_threads(); }
void set_threads(int n) { omp_set_num_threads(std::max(n, 1)); }

// Inside a parallel region a library's own region gets one thread already.
SequentialRegion::SequentialRegion() {
  if (omp_in_parallel()) return;
  before_ = omp_get_max_threads();
  if (before_ > 1) omp_set_num_threads(1);
}
SequentialRegion::~SequentialRegion() {
  if (before_ > 1) omp_set_num_threads(before_);
}

namespace {

// While one lives, numbers too small for a normal representation count as zero on this thread. A trained model is full
// of them (softmax probabilities, decaying moments), and arithmetic on each costs a hundred cycles: without this a
// training step takes twice as long after a thousand steps.
class FlushDenormals {
 public:
#if defined(__SSE2__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | kFlushToZero | kDenormalsAreZero); }
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  static constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  unsigned before_;
#else
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif
};

}  // namespace

namespace detail {

void parallel_ranges(int64_t n, int64_t grain, const void* context, RangeFn fn) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int64_t pieces = (n + grain - 1) / grain;
  const auto piece = [&](int64_t i) { fn(context, i * grain, std::min(n, (i + 1) * grain)); };
  if (pieces == 1 || omp_in_parallel() || omp_get_max_threads() == 1) {
    const FlushDenormals flush;
    for (int64_t i = 0; i < pieces; ++i) piece(i);
    return;
  }
  std::exception_ptr failure;
  std::atomic<bool> failed{false};
#pragma omp parallel
  {
    const FlushDenormals flush;
#pragma omp for schedule(dynamic)
    for (int64_t i = 0; i < pieces; ++i) {
      if (failed.load(std::memory_order_relaxed)) continue;
      try {
        piece(i);
      } catch (...) {  // an exception must not leave an OpenMP region
        if (!failed.exchange(true)) failure = std::current_exception();
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail
}  // namespace gradus
