#pragma once
#include <cstdint>
#include <vector>

namespace gradus {

/// What one kernel of the CPU table took.
struct KernelTime {
  const char* name;
  int64_t calls = 0;
  double seconds = 0;
  double flops = 0;  ///< of matrix products: 2 M N K each; 0 for other kernels
};

/// Times every kernel that CPU ops call while one lives. One at a time.
class KernelProfile {
 public:
  KernelProfile();
  ~KernelProfile();
  KernelProfile(const KernelProfile&) = delete;
  KernelProfile& operator=(const KernelProfile&) = delete;
  /// Kernels that were called, the most expensive first.
  std::vector<KernelTime> times() const;
};

}  // namespace gradus
