#pragma once
#include "kernels/args/activation.h"
#include "kernels/args/attention.h"
#include "kernels/args/conv.h"
#include "kernels/args/copy.h"
#include "kernels/args/elementwise.h"
#include "kernels/args/fft.h"
#include "kernels/args/index.h"
#include "kernels/args/linalg.h"
#include "kernels/args/loss.h"
#include "kernels/args/matmul.h"
#include "kernels/args/norm.h"
#include "kernels/args/optim.h"
#include "kernels/args/pool.h"
#include "kernels/args/reduce.h"
#include "kernels/args/resample.h"
#include "kernels/args/scan.h"
#include "kernels/args/shape.h"
#include "kernels/args/softmax.h"

// What the devices compute, one header a family in kernels/args/: the argument structs, and the slots of the table.
// Ops check their operands and allocate the outputs; a kernel only fills them. Unless a comment says otherwise operands
// share one floating dtype, may have any strides, and outputs are dense.
namespace gradus {

/// Slot name and argument struct of every kernel. The table, its names and the reports are made from this list.
#define GRADUS_KERNELS(X)       \
  GRADUS_COPY_KERNELS(X)        \
  GRADUS_ELEMENTWISE_KERNELS(X) \
  GRADUS_REDUCE_KERNELS(X)      \
  GRADUS_INDEX_KERNELS(X)       \
  GRADUS_MATMUL_KERNELS(X)      \
  GRADUS_SOFTMAX_KERNELS(X)     \
  GRADUS_NORM_KERNELS(X)        \
  GRADUS_ACTIVATION_KERNELS(X)  \
  GRADUS_ATTENTION_KERNELS(X)   \
  GRADUS_LOSS_KERNELS(X)        \
  GRADUS_OPTIM_KERNELS(X)       \
  GRADUS_SCAN_KERNELS(X)        \
  GRADUS_CONV_KERNELS(X)        \
  GRADUS_POOL_KERNELS(X)        \
  GRADUS_RESAMPLE_KERNELS(X)    \
  GRADUS_FFT_KERNELS(X)         \
  GRADUS_SHAPE_KERNELS(X)       \
  GRADUS_LINALG_KERNELS(X)

struct KernelTable {
#define GRADUS_SLOT(name, Args) void (*name)(const Args&) = nullptr;
  GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
};

/// The table of a device: every slot is filled.
const KernelTable& kernels(Device device);

/// The table of plain loops, which every other is checked against.
const KernelTable& ref_kernels();
/// The fast CPU table: slots without a fast kernel hold the ref one. A fast kernel may itself hand operands it is not
/// made for (types, strides) to ref.
const KernelTable& cpu_kernels();
const KernelTable& meta_kernels();

/// Makes kernels(Device::cpu) give another table (a profiler's, say), or the usual one again when null.
void replace_cpu_kernels(const KernelTable* table);

/// For tests: CPU ops use the ref table while one of these lives (on this thread).
class UseRefKernels {
 public:
  UseRefKernels();
  ~UseRefKernels();

 private:
  bool before_;
};

}  // namespace gradus
