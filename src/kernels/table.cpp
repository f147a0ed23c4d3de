#include "kernels/table.h"

namespace gradus {

namespace {
thread_local bool use_ref = false;
const KernelTable* replacement = nullptr;

constexpr const char* kUnaryNames[] = {"neg", "abs", "sign", "exp",     "log", "sqrt", "rsqrt", "square", "reciprocal",
                                       "sin", "cos", "tanh", "sigmoid", "erf", "relu", "silu",  "gelu",   "gelu_tanh"};
constexpr const char* kBinaryNames[] = {"add", "sub", "mul", "div", "maximum", "minimum", "pow",
                                        "eq",  "ne",  "lt",  "le",  "gt",      "ge"};
}  // namespace

const char* name_of(Unary f) { return kUnaryNames[static_cast<size_t>(f)]; }
const char* name_of(Binary f) { return kBinaryNames[static_cast<size_t>(f)]; }

const KernelTable& kernels(Device device) {
  if (device == Device::meta) return meta_kernels();
  if (use_ref) return ref_kernels();
  return replacement ? *replacement : cpu_kernels();
}

void replace_cpu_kernels(const KernelTable* table) { replacement = table; }

UseRefKernels::UseRefKernels() : before_(use_ref) { use_ref = true; }
UseRefKernels::~UseRefKernels() { use_ref = before_; }

}  // namespace gradus
