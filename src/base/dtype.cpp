#include "base/dtype.h"

#include <array>

#include "base/error.h"

namespace gradus {

namespace {
struct DtypeFacts {
  const char* name;
  size_t size;
  const char* hf;           // torch's name, in config.json
  const char* safetensors;  // in a safetensors header
};
constexpr std::array<DtypeFacts, 8> kFacts{{
    {"f64", 8, "float64", "F64"},
    {"f32", 4, "float32", "F32"},
    {"f16", 2, "float16", "F16"},
    {"bf16", 2, "bfloat16", "BF16"},
    {"i64", 8, "int64", "I64"},
    {"i32", 4, "int32", "I32"},
    {"u8", 1, "uint8", "U8"},
    {"bool", 1, "bool", "BOOL"},
}};
const DtypeFacts& facts(Dtype d) { return kFacts[static_cast<size_t>(d)]; }
}  // namespace

size_t size_of(Dtype dtype) { return facts(dtype).size; }
const char* name_of(Dtype dtype) { return facts(dtype).name; }

Dtype dtype_from_name(const std::string& name) {
  const std::string bare = name.rfind("torch.", 0) == 0 ? name.substr(6) : name;
  for (size_t i = 0; i < kFacts.size(); ++i)
    if (bare == kFacts[i].name || bare == kFacts[i].hf || bare == kFacts[i].safetensors) return static_cast<Dtype>(i);
  throw ValueError("dtype", "unknown element type \"" + name + "\".",
                   "use one of f64, f32, f16, bf16, i64, i32, u8, bool.");
}

Dtype promote(Dtype a, Dtype b) {
  if (a == b) return a;
  const bool halves = (a == Dtype::f16 && b == Dtype::bf16) || (a == Dtype::bf16 && b == Dtype::f16);
  if (halves) return Dtype::f32;
  return a < b ? a : b;  // the enum is ordered from widest to narrowest
}

void throw_unsupported_dtype(const char* op, Dtype dtype) {
  throw DtypeError(op, std::string("does not take ") + name_of(dtype) + " tensors.",
                   "convert the operand with cast() first.");
}

}  // namespace gradus
