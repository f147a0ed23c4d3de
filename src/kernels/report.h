#pragma once
#include <string>
#include <vector>

// What the tables hold, for people and programs that ask (`gradus doctor`).
namespace gradus {

struct KernelInfo {
  const char* slot;
  const char* ref;  ///< the types that the plain loops take, separated by spaces
  const char* cpu;  ///< those that the fast kernel takes; "": there is none. For others it hands over to ref.
};
/// One entry a slot of the table. On the meta device every slot takes every type and does nothing.
std::vector<KernelInfo> all_kernels();
/// Of the functions that share the slots `unary` and `binary`: false for those that only plain loops compute.
bool has_fast_form(const std::string& function);

/// What the fast CPU kernels use on this machine, within the limit that GRADUS_CPU_ISA sets.
struct InstructionSets {
  std::string limit;                 ///< GRADUS_CPU_ISA, "" when unset
  std::string highway;               ///< the target that is chosen: "AVX2", "AVX3" (which is AVX-512), …
  std::vector<std::string> targets;  ///< all that are compiled in and run here, the best first
  std::string onednn;                ///< "AVX2", "AVX-512 with VNNI and BF16", …
  std::string highway_version, onednn_version, openblas_version;
};
/// Throws ValueError for a GRADUS_CPU_ISA that is not known.
InstructionSets instruction_sets();

}  // namespace gradus
