#pragma once

// The one place that decides which instruction sets the fast kernels may use.
namespace gradus::cpu {

/// The environment variable GRADUS_CPU_ISA, read once: "baseline", "avx2" or "avx512" keeps Highway's and oneDNN's
/// kernels from anything newer; unset or empty: no limit. The table of fast kernels calls this before it hands out the
/// first of them. Throws ValueError for any other value.
void apply_isa_limit();

}  // namespace gradus::cpu
