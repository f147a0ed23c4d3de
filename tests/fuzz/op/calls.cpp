#include "fuzz/op/calls.h"

namespace gradus::fuzz {

const std::vector<Call>& all_calls() {
  static const std::vector<Call> all = [] {
    std::vector<Call> list;
    for (const auto& family : {core_calls(), pointwise_calls(), image_calls(), linalg_calls(), shapes_calls(),
                               scan_calls(), surrogate_calls()})
      list.insert(list.end(), family.begin(), family.end());
    return list;
  }();
  return all;
}

}  // namespace gradus::fuzz
