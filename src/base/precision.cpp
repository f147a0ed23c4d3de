#include "base/precision.h"

namespace gradus {

namespace {
thread_local ProductType current = ProductType::f32;
}

const char* name_of(ProductType type) {
  return type == ProductType::f32 ? "f32" : type == ProductType::bf16 ? "bf16" : "f16";
}
ProductType product_type() { return current; }
RoundProducts::RoundProducts(ProductType type) : before_(current) { current = type; }
RoundProducts::~RoundProducts() { current = before_; }

}  // namespace gradus
