#include "kernels/observer.h"

#include <array>
#include <mutex>

#include "kernels/fields.h"
#include "kernels/table.h"

namespace gradus {

namespace {

thread_local KernelObserver* observer = nullptr;
std::mutex counting;
int observed_threads = 0;

double flops_of(const MatmulArgs& args) {
  return 2.0 * static_cast<double>(args.y.count()) * static_cast<double>(args.a.shape().back());
}
double flops_of(const LinearCrossEntropyArgs& args) {  // logits, and a product more for each gradient
  const double products = 1.0 + args.dx.defined() + args.dw.defined();
  return products * 2.0 * static_cast<double>(args.x.count()) * static_cast<double>(args.w.shape()[0]);
}
template <class Args>
double flops_of(const Args&) {
  return 0;
}

template <class Args>
const char* function_of(const Args& args) {
  if constexpr (requires { name_of(args.f); })
    return name_of(args.f);
  else
    return "";
}

template <class Args, void (*KernelTable::*kernel)(const Args&)>
void watched(const char* slot, const Args& args) {
  KernelObserver* const watcher = observer;
  if (!watcher) return (cpu_kernels().*kernel)(args);
  std::array<const Tensor*, 24> operands;
  size_t n = 0;
  for_each_tensor(args, [&](const Tensor& x) { operands[n++] = &x; });
  const KernelCall call{slot, function_of(args), flops_of(args), {operands.data(), n}};
  watcher->begin(call);
  (cpu_kernels().*kernel)(args);
  watcher->end(call);
}

constexpr KernelTable kWatched{
#define GRADUS_SLOT(name, Args) .name = [](const Args& args) { watched<Args, &KernelTable::name>(#name, args); },
    GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
};

void count_thread(int change) {
  const std::lock_guard lock(counting);
  observed_threads += change;
  replace_cpu_kernels(observed_threads > 0 ? &kWatched : nullptr);
}

}  // namespace

ObserveKernels::ObserveKernels(KernelObserver& o) : before_(observer) {
  observer = &o;
  count_thread(1);
}
ObserveKernels::~ObserveKernels() {
  observer = before_;
  count_thread(-1);
}

}  // namespace gradus
