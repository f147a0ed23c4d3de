#include "kernels/table.h"

#include <atomic>

namespace gradus {

namespace {
thread_local bool use_ref = false;
std::atomic<const KernelTable*> replacement = nullptr;

constexpr const char* kUnaryNames[] = {
#define GRADUS_NAME(name) #name,
    GRADUS_UNARY_FUNCTIONS(GRADUS_NAME)};
constexpr const char* kBinaryNames[] = {GRADUS_BINARY_FUNCTIONS(GRADUS_NAME)};
constexpr const char* kOptimNames[] = {GRADUS_OPTIM_RULES(GRADUS_NAME)};
#undef GRADUS_NAME
}  // namespace

const char* name_of(Unary f) { return kUnaryNames[static_cast<size_t>(f)]; }
const char* name_of(OptimRule f) { return kOptimNames[static_cast<size_t>(f)]; }
const char* name_of(Binary f) { return kBinaryNames[static_cast<size_t>(f)]; }

const KernelTable& kernels(Device device) {
  if (device == Device::meta) return meta_kernels();
  if (use_ref) return ref_kernels();
  const KernelTable* other = replacement.load(std::memory_order_relaxed);
  return other ? *other : cpu_kernels();
}

void replace_cpu_kernels(const KernelTable* table) { replacement = table; }

UseRefKernels::UseRefKernels() : before_(use_ref) { use_ref = true; }
UseRefKernels::~UseRefKernels() { use_ref = before_; }

}  // namespace gradus
