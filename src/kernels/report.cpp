#include "kernels/report.h"

#include <string_view>

#include "kernels/cpu/cpu.h"
#include "kernels/table.h"

namespace gradus {

namespace {

constexpr const char* kAll = "f64 f32 f16 bf16 i64 i32 u8 bool";

constexpr KernelInfo kFast[] = {
#define GRADUS_SLOT(name, Args, types) {#name, types},
    GRADUS_CPU_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
};

const char* fast_types(std::string_view slot) {
  for (const KernelInfo& k : kFast)
    if (slot == k.slot) return std::string_view(k.cpu) == "all" ? kAll : k.cpu;
  return "";
}

}  // namespace

std::vector<KernelInfo> all_kernels() {
  std::vector<KernelInfo> list;
#define GRADUS_SLOT(name, Args) list.push_back({#name, fast_types(#name)});
  GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
  return list;
}

int64_t fallback_calls() { return cpu::ref::calls; }

}  // namespace gradus
