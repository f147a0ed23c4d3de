#include "kernels/profile.h"

#include <algorithm>
#include <chrono>

#include "kernels/table.h"

namespace gradus {

namespace {

enum Slot {
#define GRADUS_SLOT(name, Args) slot_##name,
  GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
      slot_count
};

KernelTime records[slot_count];

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

template <Slot slot, class Args, void (*KernelTable::*kernel)(const Args&)>
void timed(const Args& args) {
  const auto begin = std::chrono::steady_clock::now();
  (cpu_kernels().*kernel)(args);
  KernelTime& record = records[slot];
  record.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  record.flops += flops_of(args);
  ++record.calls;
}

constexpr KernelTable kTimed{
#define GRADUS_SLOT(name, Args) .name = timed<slot_##name, Args, &KernelTable::name>,
    GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
};

}  // namespace

KernelProfile::KernelProfile() {
#define GRADUS_SLOT(slot, Args) records[slot_##slot] = {#slot};
  GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
  replace_cpu_kernels(&kTimed);
}
KernelProfile::~KernelProfile() { replace_cpu_kernels(nullptr); }

std::vector<KernelTime> KernelProfile::times() const {
  std::vector<KernelTime> used;
  for (const KernelTime& record : records)
    if (record.calls > 0) used.push_back(record);
  std::sort(used.begin(), used.end(), [](const KernelTime& a, const KernelTime& b) { return a.seconds > b.seconds; });
  return used;
}

}  // namespace gradus
