#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "io/tensor_file.h"

namespace gradus {

/// Element types of files that Gradus reads and may not have itself: those become the next wider integer.
enum class ForeignElement : uint8_t { none, f64, f32, f16, bf16, i64, i32, i16, i8, u32, u16, u8, boolean };

/// By PyTorch's storage class ("torch.FloatStorage") or numpy's type string ("<f4"); none for others.
ForeignElement foreign_element(const std::string& type);
Dtype dtype_of_element(ForeignElement e);
size_t bytes_of_element(ForeignElement e);

/// A strided array inside a mapped file, or in `unpacked` when the file held it deflated.
struct ForeignArray {
  ForeignElement element = ForeignElement::none;
  uint64_t begin = 0, bytes = 0;  ///< of its storage
  int64_t offset = 0;             ///< of the first element, in elements
  Shape shape;
  Strides strides;
};

/// Fills offset, shape and strides; throws FileError beginning with `what` when they are impossible or reach outside
/// the array's bytes.
void place_foreign(ForeignArray& array, int64_t offset, const std::vector<int64_t>& sizes,
                   const std::vector<int64_t>& strides, const std::string& what);

/// A dense tensor; it shares the file's pages where element type, order and alignment allow.
Tensor load_foreign(const ForeignArray& array, const Ref<Mapping>& mapping);
/// The same out of bytes in memory: always a copy.
Tensor copy_foreign(const ForeignArray& array, std::string_view storage);

}  // namespace gradus
