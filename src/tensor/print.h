#pragma once
#include <string>

#include "tensor/tensor.h"

namespace gradus {

/// Readable text: nested brackets, columns aligned, long axes shortened to their first and last three entries, then
/// shape, type and device.
std::string to_string(const Tensor& x);

}  // namespace gradus
