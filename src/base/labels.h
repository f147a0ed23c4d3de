#pragma once
#include <cstdint>

namespace gradus {

/// The label of a position that takes no part in a loss, as PyTorch and transformers have it.
constexpr int64_t kIgnoredLabel = -100;

}  // namespace gradus
