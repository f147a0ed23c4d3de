#include "kernels/packed_matmul.h"

#include "kernels/table.h"

namespace gradus {

void packed_matmul(const PackedMatmulArgs& args) {
  const bool plain = &kernels(Device::cpu) == &ref_kernels();
  (plain ? ref::packed_matmul : cpu::packed_matmul)(args);
}

}  // namespace gradus
