#pragma once
#include <string>
#include <vector>

// The one place that decides which instruction sets the fast kernels may use.
namespace gradus::cpu {

/// The environment variable GRADUS_CPU_ISA, read once: "baseline", "avx2" or "avx512" keeps Highway's and oneDNN's
/// kernels from anything newer; unset or empty: no limit. The table of fast kernels calls this before it hands out the
/// first of them. Throws ValueError for any other value.
void apply_isa_limit();

/// What runs on this machine within the limit.
struct IsaReport {
  std::string limit;                 ///< GRADUS_CPU_ISA, "" when unset
  std::string highway;               ///< the target that is chosen: "AVX2", "AVX3" (AVX-512), …
  std::vector<std::string> targets;  ///< all that are compiled in and run here, the best first
  std::string onednn;                ///< "AVX2", "AVX-512 with VNNI and BF16", …
  std::string highway_version, onednn_version;
};
IsaReport isa_report();

}  // namespace gradus::cpu
