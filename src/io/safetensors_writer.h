#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "io/safetensors.h"

namespace gradus {

/// The reference implementation's order of tensors in a file: the widest types first, so that every tensor is aligned
/// to its own size, then by name.
bool written_before(Dtype a, const std::string& a_name, Dtype b, const std::string& b_name);

/// Writes a .safetensors file piece by piece: the header first, then each tensor's bytes in the given order. What
/// `path` held stays until commit().
class SafetensorsWriter {
 public:
  /// Uses name, shape and dtype of the tensors. Throws ValueError for duplicate and reserved names and names that are
  /// no valid UTF-8.
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<StoredTensor>& tensors,
                    const TextPairs& metadata);
  void write(const void* data, size_t bytes);
  /// Throws ValueError unless exactly the announced bytes were written.
  void commit();

 private:
  AtomicFile file_;
  uint64_t left_ = 0;
};

}  // namespace gradus
