#include "kernels/packed_matmul.h"

#include <vector>

namespace gradus::ref {

void packed_matmul(const PackedMatmulArgs& args) {
  const int64_t rows = args.x.size(0), k = args.w.columns(), n = args.w.rows();
  std::vector<float> w(static_cast<size_t>(k));
  for (int64_t j = 0; j < n; ++j) {
    dequantize(args.w.format(), args.w.row(j), k, w.data());
    for (int64_t i = 0; i < rows; ++i) {
      const float* x = args.x.data<float>() + i * k;
      float sum = 0;
      for (int64_t c = 0; c < k; ++c) sum += x[c] * w[static_cast<size_t>(c)];
      args.y.data<float>()[i * n + j] = sum + (args.bias.defined() ? args.bias.data<float>()[j] : 0);
    }
  }
}

}  // namespace gradus::ref
