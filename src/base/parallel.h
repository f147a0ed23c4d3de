#pragma once
#include <cstdint>

namespace gradus {

/// Threads that parallel_for uses: OMP_NUM_THREADS or the number of processors, unless set_threads was called.
int threads();
void set_threads(int n);

/// While one lives, libraries that start OpenMP threads of their own run on the calling thread only.
class SequentialRegion {
 public:
  SequentialRegion();
  ~SequentialRegion();

 private:
  int before_ = 0;
};

namespace detail {
using RangeFn = void (*)(const void* context, int64_t begin, int64_t end);
void parallel_ranges(int64_t n, int64_t grain, const void* context, RangeFn fn);
}  // namespace detail

/// Calls `body(begin, end)` over [0, n) cut into pieces of `grain` items (the last may be shorter), on all threads.
/// The cut depends on n and grain only, never on the number of threads: a body that reduces within its piece gives the
/// same bits on any machine. Inside, denormal numbers count as zero (x86). The first exception thrown by a piece is
/// rethrown here.
template <class F>
void parallel_for(int64_t n, int64_t grain, const F& body) {
  detail::parallel_ranges(n, grain, &body, [](const void* context, int64_t begin, int64_t end) {
    (*static_cast<const F*>(context))(begin, end);
  });
}

}  // namespace gradus
