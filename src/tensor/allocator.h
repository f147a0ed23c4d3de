#pragma once
#include <cstddef>
#include <cstdint>

#include "tensor/device.h"

namespace gradus {

/// Bytes of tensor data on one device. Every allocation counts as its size rounded up to 64.
struct MemoryStats {
  int64_t current = 0;
  int64_t peak = 0;
  int64_t total = 0;  ///< of all allocations ever made
};

/// 64-byte aligned memory. Throws MemoryError when `current` would pass the ceiling or the machine has no more.
/// On `meta` only the counters move and the result is null.
void* allocate_bytes(Device device, size_t bytes);
void free_bytes(Device device, void* data, size_t bytes) noexcept;

MemoryStats memory_stats(Device device = Device::cpu);
/// Sets `peak` to `current`.
void reset_peak_memory(Device device = Device::cpu);
/// Largest `current` allowed from now on; 0 means no ceiling.
void set_memory_ceiling(int64_t bytes, Device device = Device::cpu);
/// Returns the pages of unused blocks to the operating system.
void release_cached_memory();

/// For tests: while one lives, every new CPU buffer lies between 64 bytes of a known pattern on each side.
class GuardBuffers {
 public:
  GuardBuffers();
  ~GuardBuffers();
  /// Buffers made since the constructor whose guards were found changed when they were freed, or are changed now.
  int64_t broken() const;

 private:
  bool before_;
  int64_t broken_before_;
};

}  // namespace gradus
