#pragma once
#include <algorithm>
#include <chrono>
#include <vector>

namespace gradus::cli {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n == 0 ? 0 : n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// Median seconds of one call, over at least five samples and `at_least` seconds; calls too short for the clock are
/// timed in groups.
template <class F>
double median_seconds(F&& f, double at_least = 0.25) {
  f();
  double begin = seconds_now();
  f();
  const int group = std::max(1, static_cast<int>(2e-4 / std::max(seconds_now() - begin, 1e-7)));
  std::vector<double> samples;
  for (begin = seconds_now(); samples.size() < 5 || seconds_now() - begin < at_least;) {
    const double start = seconds_now();
    for (int i = 0; i < group; ++i) f();
    samples.push_back((seconds_now() - start) / group);
  }
  return median(samples);
}

}  // namespace gradus::cli
