#pragma once
#include <cstdint>
#include <string>
#include <vector>

// What the tables hold, for people and programs that ask (`gradus doctor`).
namespace gradus {

struct KernelInfo {
  const char* slot;
  const char* cpu;  ///< the types that the fast kernel takes, separated by spaces; "": there is none. Others, and
                    ///< operands that lie badly, it hands over to the plain loops.
};
/// One entry a slot of the table. Plain loops are there for all; on the meta device every slot does nothing.
std::vector<KernelInfo> all_kernels();
/// How often fast kernels called by this thread have handed their operands over to the plain loops.
int64_t fallback_calls();

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
