#pragma once
#include <span>

#include "tensor/tensor.h"

namespace gradus {

struct AttentionArgs;

/// A call of one slot of the CPU table.
struct KernelCall {
  const char* slot;
  const char* function;                      ///< of those that share a slot: "gelu"; "" otherwise
  double flops;                              ///< of matrix products: 2 M N K each; 0 for other kernels
  std::span<const Tensor* const> operands;   ///< every tensor that is read or written
  const AttentionArgs* attention = nullptr;  ///< where it is attention's forward pass
};

/// Whoever watches the kernels that the CPU ops of a thread call.
class KernelObserver {
 public:
  virtual ~KernelObserver() = default;
  virtual void begin(const KernelCall&) {}
  virtual void end(const KernelCall&) {}
};

/// While one lives, `observer` watches the kernels of this thread; the innermost one alone. Plain loops chosen with
/// UseRefKernels are not seen. Costs nothing when there is none: the CPU table is another one meanwhile.
class ObserveKernels {
 public:
  explicit ObserveKernels(KernelObserver& observer);
  ~ObserveKernels();
  ObserveKernels(const ObserveKernels&) = delete;
  ObserveKernels& operator=(const ObserveKernels&) = delete;

 private:
  KernelObserver* before_;
};

}  // namespace gradus
