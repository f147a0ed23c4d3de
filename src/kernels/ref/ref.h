#pragma once
#include "kernels/table.h"

// Plain loops for every kernel and every type: the oracle and the fallback. One file a family.
namespace gradus::ref {

#define GRADUS_SLOT(name, Args) void name(const Args& args);
GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT

}  // namespace gradus::ref
