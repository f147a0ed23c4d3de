#include "kernels/cost.h"
#include "kernels/fields.h"

namespace gradus {

namespace {

// The op has checked the operands and allocated the outputs. What is left to do without data is to take the memory that
// the fast kernel takes meanwhile, so that the peak is the real one, and to tell what the work would have cost.
template <class Args>
void no_data(const Args& args) {
  if (const int64_t bytes = scratch_bytes(args); bytes > 0) empty({bytes}, Dtype::u8, Device::meta);
  CountCosts* const costs = CountCosts::current();
  if (!costs) return;
  const double products = product_flops(args), attention = attention_flops(args);
  costs->product_flops += products, costs->attention_flops += attention, ++costs->calls;
  if (products + attention > 0) return;
  for_each_tensor(args, [&](const Tensor& x) { costs->moved_bytes += static_cast<double>(x.bytes()); });
}

}  // namespace

const KernelTable& meta_kernels() {
  static constexpr KernelTable table{
#define GRADUS_SLOT(name, Args) .name = no_data<Args>,
      GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
  };
  return table;
}

}  // namespace gradus
