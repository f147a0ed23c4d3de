#include "kernels/packed_matmul.h"

#include "kernels/table.h"

namespace gradus {

void packed_matmul(std::span<const PackedMatmulArgs> all) {
  if (&kernels(Device::cpu) != &ref_kernels()) return cpu::packed_matmul(all);
  for (const PackedMatmulArgs& args : all) ref::packed_matmul(args);
}

}  // namespace gradus
