#pragma once
#include <cstdint>

namespace gradus {

/// Where a tensor lives. `meta` tensors have shape and type but no data: running a computation on them tells its shapes
/// and its memory without doing it.
enum class Device : uint8_t { cpu, meta };

const char* name_of(Device device);

}  // namespace gradus
