#include "kernels/cpu/cpu.h"
#include "kernels/cpu/isa.h"

namespace gradus {

constinit thread_local int64_t cpu::ref::calls = 0;

const KernelTable& cpu_kernels() {
  static const KernelTable table = [] {
    cpu::apply_isa_limit();
    KernelTable t = ref_kernels();
#define GRADUS_SLOT(name, Args, types) t.name = cpu::name;
    GRADUS_CPU_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
    return t;
  }();
  return table;
}

}  // namespace gradus
