#include "support/op_types.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include "autograd/autograd.h"
#include "kernels/observer.h"
#include "kernels/report.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/registry.h"
#include "ops/shape.h"

namespace gradus::testing {

namespace {

constexpr Dtype kTypes[] = {Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16,
                            Dtype::i64, Dtype::i32, Dtype::u8,  Dtype::boolean};
const std::string kSource = std::string(GRADUS_TEST_DIR) + "/../src/ops/";
constexpr size_t kCount = std::size(kTypes);

struct Found {
  bool taken[kCount] = {}, fast[kCount] = {}, meta[kCount] = {};
};
std::map<std::string, Found>& found() {
  static std::map<std::string, Found> all;
  return all;
}

bool slot_is_fast(const char* slot) {
#define GRADUS_SLOT(name, Args) \
  if (!std::strcmp(slot, #name)) return cpu_kernels().name != ref_kernels().name;
  GRADUS_KERNELS(GRADUS_SLOT)
#undef GRADUS_SLOT
  return false;
}

// Whether plain loops had to compute anything.
class PlainLoops final : public KernelObserver {
 public:
  bool used() const { return used_ || fallback_calls() != before_; }

 private:
  void begin(const KernelCall& call) override { used_ |= !slot_is_fast(call.slot); }
  int64_t before_ = fallback_calls();
  bool used_ = false;
  ObserveKernels watch_{*this};
};

// The case in one type, with its gradient where it has one; false when it refuses the type. `plain`: it met plain
// loops.
bool try_type(const OpCase& c, Dtype type, bool& plain) {
  Tensors inputs, wanted;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    Tensor x = c.inputs[i];
    if (x.dtype() == Dtype::f64) {
      const NoGrad off;
      x = contiguous(cast(x, type));
      const bool constant = std::find(c.constant.begin(), c.constant.end(), static_cast<int>(i)) != c.constant.end();
      if (c.gradient && !constant && is_floating(type)) {
        x = x.detach();
        require_grad(x);
        wanted.push_back(x);
      }
    }
    inputs.push_back(x);
  }
  const PlainLoops watch;  // from here on: the conversion above is not the op's
  try {
    const Tensor y = c.call(inputs);
    if (!wanted.empty() && y.count() > 0 && requires_grad(y)) grad({y}, wanted, {ones_like(y)});
  } catch (const Error&) {
    return false;
  }
  plain = watch.used();
  return true;
}

bool runs_on_meta(const OpCase& c, Dtype type) {
  Tensors inputs;
  for (const Tensor& x : c.inputs)
    inputs.push_back(empty(x.shape(), x.dtype() == Dtype::f64 ? type : x.dtype(), Device::meta));
  try {
    return c.call(inputs).device() == Device::meta;
  } catch (const Error&) {
    return false;
  }
}

std::string words(const bool (&flags)[kCount]) {
  std::string text;
  for (size_t i = 0; i < kCount; ++i)
    if (flags[i]) text += (text.empty() ? "" : " ") + std::string(name_of(kTypes[i]));
  return text;
}

// The section comments of the registry: op -> family.
std::map<std::string, std::string> families() {
  std::ifstream file(kSource + "registry.cpp");
  std::map<std::string, std::string> all;
  std::string family;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("    // ", 0) == 0) family = line.substr(7);
    if (line.rfind("    {\"", 0) == 0) all[line.substr(6, line.find('"', 6) - 6)] = family;
  }
  return all;
}

std::string table_of_facts() {
  std::string text = R"(// Written by the op tests: GRADUS_UPDATE_OP_FACTS=1 build/dev/tests/test_ops
#include <string_view>

#include "ops/registry.h"

namespace gradus {

namespace {

// clang-format off
constexpr OpFacts kFacts[] = {
)";
  const auto family = families();
  for (const OpInfo& op : all_ops()) {
    const Found& f = found()[op.name];
    text += std::string("    {\"") + op.name + "\", \"" + family.at(op.name) + "\", \"" + words(f.taken) + "\", \"" +
            words(f.fast) + "\", \"" + words(f.meta) + "\"},\n";
  }
  return text + R"(};
// clang-format on

}  // namespace

OpFacts facts_of(const char* op) {
  for (const OpFacts& facts : kFacts)
    if (std::string_view(facts.name) == op) return facts;
  return {op, "others", "", "", ""};
}

}  // namespace gradus
)";
}

}  // namespace

void survey_types(const OpCase& c) {
  const std::string test = doctest::getContextOptions()->currentTest->m_name;
  if (test.rfind("op ", 0) != 0) return;
  Found& f = found()[test.substr(3)];
  bool empty = true;
  for (const Tensor& x : c.inputs) empty &= x.count() == 0;
  for (size_t i = 0; i < kCount; ++i) {
    bool plain = false;
    if (!try_type(c, kTypes[i], plain)) continue;
    f.taken[i] = true;
    f.fast[i] |= !empty && !plain;
    f.meta[i] |= runs_on_meta(c, kTypes[i]);
  }
}

}  // namespace gradus::testing

using namespace gradus;
using namespace gradus::testing;

// This file comes behind the ops' own in the order of names, in which the cases run.
TEST_CASE("the registry's facts are what the op cases find") {
  if (std::getenv("GRADUS_UPDATE_OP_FACTS")) {
    std::ofstream(kSource + "registry_facts.cpp") << table_of_facts();
    return;
  }
  for (const auto& [name, family] : families()) CHECK_MESSAGE(facts_of(name.c_str()).family == family, name);
  for (const auto& [name, f] : found()) {
    const OpFacts facts = facts_of(name.c_str());
    CHECK_MESSAGE(*facts.ref, name << " was tried in no type: check(), or survey_types(), in its case");
    const std::string hint = name + " takes (" + words(f.taken) + "), fast (" + words(f.fast) + "), on meta (" +
                             words(f.meta) + "); run GRADUS_UPDATE_OP_FACTS=1 build/dev/tests/test_ops, build again";
    CHECK_MESSAGE(words(f.taken) == facts.ref, hint);
    if (instruction_sets().limit.empty()) CHECK_MESSAGE(words(f.fast) == facts.cpu, hint);  // old ones have fewer
    CHECK_MESSAGE(words(f.meta) == facts.meta, hint);
  }
}

TEST_CASE("the registry's kernels are slots of the table") {
  std::string slots = " ";
  for (const KernelInfo& k : all_kernels()) slots += std::string(k.slot) + " ";
  for (const OpInfo& op : all_ops()) {
    std::string rest = op.kernels;
    while (!rest.empty()) {
      const std::string word = rest.substr(0, rest.find(' '));
      CHECK_MESSAGE(slots.find(" " + word + " ") != std::string::npos, op.name << " names " << word);
      rest.erase(0, word.size() + 1);
    }
  }
}
