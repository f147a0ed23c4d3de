#pragma once
#include <cstddef>
#include <cstdint>

// Runs of bytes, moved in vectors: for rows of 2 kB and more the C library's memcpy may choose an instruction
// (`rep movsb`) whose speed differs from processor to processor.
namespace gradus::cpu {

/// The runs must not overlap.
void move_bytes(void* to, const void* from, size_t bytes);

template <class T>
void move_run(T* to, const T* from, int64_t n) {
  if (n > 8) return move_bytes(to, from, static_cast<size_t>(n) * sizeof(T));
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}

void add_floats(float* to, const float* from, int64_t n);
/// to_i += from_i
inline void add_run(float* to, const float* from, int64_t n) {
  if (n > 8) return add_floats(to, from, n);
  for (int64_t i = 0; i < n; ++i) to[i] += from[i];
}

}  // namespace gradus::cpu
