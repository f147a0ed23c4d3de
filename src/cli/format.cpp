#include "cli/format.h"

#include <fmt/format.h>

#include <cmath>

namespace gradus::cli {

namespace {
// Three digits and the step of 1000 they stand for.
std::string three_digits(double n, int& thousands) {
  thousands = 0;
  while (std::abs(n) >= 999.5 && thousands < 5) n /= 1000, ++thousands;
  if (thousands == 0 && n == std::floor(n)) return fmt::format("{:.0f}", n);
  return fmt::format("{:.{}f}", n, std::abs(n) < 99.95 ? 1 : 0);
}
}  // namespace

std::string human_count(double n) {
  static constexpr const char* kSuffixes[] = {"", "k", "M", "G", "T", "P"};
  int thousands;
  const std::string digits = three_digits(n, thousands);
  return digits + kSuffixes[thousands];
}

std::string human_bytes(double bytes) {
  static constexpr const char* kSuffixes[] = {" B", " kB", " MB", " GB", " TB", " PB"};
  int thousands;
  const std::string digits = three_digits(bytes, thousands);
  return digits + kSuffixes[thousands];
}

std::string human_duration(double seconds) {
  if (!(seconds >= 0 && seconds < 1e9)) return "-:--";
  const int64_t s = std::llround(seconds);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace gradus::cli
