#include "kernels/ref/ref.h"

namespace gradus {

const KernelTable& ref_kernels() {
  static constexpr KernelTable table{
#define GRADUS_SLOT(name, Args) .name = ref::name,
      GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
  };
  return table;
}

}  // namespace gradus
