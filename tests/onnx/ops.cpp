#include "onnx/ops.h"

namespace gradus::testing::onnx {

Op find_op(const std::string& name) {
  static const std::map<std::string, Op> all = [] {
    std::map<std::string, Op> table;
    for (const auto& family :
         {math_ops(), pointwise_ops(), shape_ops(), reduce_ops(), network_ops(), loss_ops(), signal_ops(), order_ops()})
      for (const Entry& e : family) table[e.name] = e.op;
    return table;
  }();
  const auto it = all.find(name);
  return it == all.end() ? nullptr : it->second;
}

}  // namespace gradus::testing::onnx
