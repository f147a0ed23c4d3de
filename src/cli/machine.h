#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace gradus::cli {

/// The machine as its operating system describes it. What cannot be found out stays empty or 0.
struct Machine {
  std::string cpu;                    ///< "AMD EPYC 9R14"
  std::vector<std::string> features;  ///< of those that deep-learning kernels care about, as the kernel spells them
  int processors = 0;                 ///< that this process may run on
  int64_t memory_total = 0, memory_available = 0;  ///< bytes, within the control group's limit
  std::string system;                              ///< "Linux 6.1.0 x86_64"
};
Machine describe_machine();

}  // namespace gradus::cli
