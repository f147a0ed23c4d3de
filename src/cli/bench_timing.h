#pragma once
#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

namespace gradus::cli {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Processor time of all threads of this process.
inline double processor_seconds_now() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n == 0 ? 0 : n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// Median seconds of one call, over at least five samples and `at_least` seconds; calls too short for the clock are
/// timed in groups. `now` is the clock.
template <class F>
double median_seconds(F&& f, double at_least = 0.25, double (*now)() = seconds_now) {
  f();
  double begin = now();
  f();
  const int group = std::max(1, static_cast<int>(2e-4 / std::max(now() - begin, 1e-7)));
  std::vector<double> samples;
  for (begin = now(); samples.size() < 5 || now() - begin < at_least;) {
    const double start = now();
    for (int i = 0; i < group; ++i) f();
    samples.push_back((now() - start) / group);
  }
  return median(samples);
}

}  // namespace gradus::cli
