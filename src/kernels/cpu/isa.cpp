#include "kernels/cpu/isa.h"

#include <oneapi/dnnl/dnnl.h>

#include <cstdlib>

#include "base/error.h"
#include "kernels/cpu/lapack.h"
#include "kernels/cpu/simd.h"
#include "kernels/report.h"
// After simd.h: it says which targets there are.
#include <hwy/base.h>
#include <hwy/highway.h>

namespace gradus::cpu {

namespace {

// Highway numbers its targets so that a better one has a lower bit.
struct Limit {
  const char* name;
  int64_t highway_disabled;
  dnnl_cpu_isa_t onednn;
};
constexpr Limit kLimits[] = {
#if HWY_ARCH_X86
    {"baseline", (HWY_SSSE3 << 1) - 1, dnnl_cpu_isa_sse41},
    {"avx2", HWY_AVX2 - 1, dnnl_cpu_isa_avx2},
    {"avx512", HWY_AVX3 - 1, dnnl_cpu_isa_avx512_core},
#else
    {"baseline", 0, dnnl_cpu_isa_all},
#endif
};

std::string asked_limit() {
  const char* text = std::getenv("GRADUS_CPU_ISA");
  return text ? text : "";
}

// True once done; an exception leaves it undone, so that every use complains.
bool apply() {
  const std::string asked = asked_limit();
  if (asked.empty()) return true;
  std::string names;
  for (const Limit& limit : kLimits) {
    names += (names.empty() ? "" : ", ") + std::string(limit.name);
    if (asked != limit.name) continue;
    hwy::DisableTargets(limit.highway_disabled);
    if (dnnl_set_max_cpu_isa(limit.onednn) != dnnl_success)
      throw ValueError("cpu", "oneDNN was used before GRADUS_CPU_ISA=" + asked + " could take effect.");
    return true;
  }
  throw ValueError("cpu", "GRADUS_CPU_ISA is \"" + asked + "\", expected one of " + names + ".",
                   "unset it to use everything the processor has.");
}

const char* onednn_name(dnnl_cpu_isa_t isa) {
  switch (static_cast<int>(isa)) {
    case dnnl_cpu_isa_sse41: return "SSE4.1";
    case dnnl_cpu_isa_avx: return "AVX";
    case dnnl_cpu_isa_avx2: return "AVX2";
    case dnnl_cpu_isa_avx2_vnni: return "AVX2 with VNNI";
    case dnnl_cpu_isa_avx512_mic:
    case dnnl_cpu_isa_avx512_mic_4ops: return "AVX-512 (Xeon Phi)";
    case dnnl_cpu_isa_avx512_core: return "AVX-512";
    case dnnl_cpu_isa_avx512_core_vnni: return "AVX-512 with VNNI";
    case dnnl_cpu_isa_avx512_core_bf16: return "AVX-512 with VNNI and BF16";
    case dnnl_cpu_isa_avx512_core_amx: return "AVX-512 with AMX";
    default: return "portable";
  }
}

}  // namespace

void apply_isa_limit() {
  static const bool done = apply();
  static_cast<void>(done);
}

}  // namespace gradus::cpu

namespace gradus {

InstructionSets instruction_sets() {
  using namespace cpu;
  apply_isa_limit();
  InstructionSets report;
  report.limit = asked_limit();
  for (int64_t targets = hwy::SupportedTargets() & HWY_TARGETS; targets != 0; targets &= targets - 1)
    report.targets.emplace_back(hwy::TargetName(targets & -targets));
  report.highway = report.targets.empty() ? "" : report.targets.front();
  report.onednn = onednn_name(dnnl_get_effective_cpu_isa());
  report.highway_version =
      std::to_string(HWY_MAJOR) + "." + std::to_string(HWY_MINOR) + "." + std::to_string(HWY_PATCH);
  const dnnl_version_t* v = dnnl_version();
  report.onednn_version = std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  report.openblas_version = lapack::version();
  return report;
}

}  // namespace gradus
