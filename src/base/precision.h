#pragma once
#include <cstdint>

namespace gradus {

/// What matrix products of f32 operands multiply: the operands as they are, or rounded to a shorter type. Sums are f32.
enum class ProductType : uint8_t { f32, bf16, f16 };
const char* name_of(ProductType type);

/// Of this thread; f32 unless a RoundProducts lives.
ProductType product_type();

/// While one lives, the fast CPU products of f32 tensors that this thread asks for (matmul, grouped products, the
/// output layer's loss) round their operands to `type` first, to nearest even: what mixed precision (Micikevicius et
/// al. 2018) means on hardware with such products. Everything else stays f32.
class RoundProducts {
 public:
  explicit RoundProducts(ProductType type);
  ~RoundProducts();
  RoundProducts(const RoundProducts&) = delete;
  RoundProducts& operator=(const RoundProducts&) = delete;

 private:
  ProductType before_;
};

}  // namespace gradus
