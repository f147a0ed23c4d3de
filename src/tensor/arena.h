#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace gradus {

/// Blocks cut from one reserved range of addresses, freed blocks merged with their neighbours. A training step asks for
/// the same sizes again and again; best fit in one range keeps them at the same places, so memory is touched (and
/// zeroed by the kernel) once, and the resident size stays close to the peak of what was asked for.
/// Not thread-safe: the caller locks. Sizes are multiples of 64.
class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Null when the range has no hole of `bytes`.
  void* take(size_t bytes);
  void give(void* data, size_t bytes);
  bool owns(const void* data) const;
  /// Tells the operating system that the free blocks' pages may go.
  void trim();

 private:
  static constexpr size_t kSmall = 4096;  // up to here: one stack of blocks a size
  static constexpr size_t kSlab = 65536;
  void* take_large(size_t bytes);
  void give_large(size_t offset, size_t bytes);

  char* base_ = nullptr;
  size_t reserved_ = 0;
  size_t top_ = 0;                                    // everything above was never used
  std::map<size_t, size_t> free_by_offset_;           // offset -> bytes
  std::set<std::pair<size_t, size_t>> free_by_size_;  // (bytes, offset): best fit, lowest address first
  std::vector<void*> small_[kSmall / 64 + 1];
};

}  // namespace gradus
