#include "kernels/report.h"

#include <algorithm>
#include <string_view>

#include "kernels/cpu/cpu.h"
#include "kernels/table.h"

namespace gradus {

namespace {

constexpr const char *kFloating = "f64 f32 f16 bf16", *kAll = "f64 f32 f16 bf16 i64 i32 u8 bool";

// Slots whose plain loops take more than floating types.
constexpr std::string_view kTakeAll[] = {
    "copy",    "fill",    "iota",     "binary", "where",        "reduce", "arg_extreme", "embedding",    "gather",
    "scatter", "nonzero", "triangle", "scan",   "extreme_scan", "sort",   "topk",        "searchsorted", "histogram"};

constexpr std::string_view kPlainFunctions[] = {"erfc",         "erfinv",  "lgamma", "digamma",   "polygamma",
                                                "sinc",         "fmod",    "atan2",  "remainder", "hypot",
                                                "floor_divide", "logical", "bitwise"};

constexpr KernelInfo kFast[] = {
#define GRADUS_SLOT(name, Args, types) {#name, "", types},
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
#define GRADUS_SLOT(name, Args) list.push_back({#name, kFloating, fast_types(#name)});
  GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
  for (KernelInfo& k : list)
    if (std::find(std::begin(kTakeAll), std::end(kTakeAll), k.slot) != std::end(kTakeAll)) k.ref = kAll;
  return list;
}

bool has_fast_form(const std::string& function) {
  return std::find(std::begin(kPlainFunctions), std::end(kPlainFunctions), function) == std::end(kPlainFunctions);
}

}  // namespace gradus
