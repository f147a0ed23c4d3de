#include "kernels/observer.h"

#include <array>
#include <mutex>
#include <type_traits>

#include "kernels/cost.h"
#include "kernels/fields.h"

namespace gradus {

namespace {

thread_local KernelObserver* observer = nullptr;
std::mutex counting;
int observed_threads = 0;

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
  KernelCall call{slot, function_of(args), product_flops(args), {operands.data(), n}};
  if constexpr (std::is_same_v<Args, AttentionArgs>) call.attention = &args;
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
