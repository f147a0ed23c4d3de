#pragma once
#include <functional>
#include <vector>

#include "tensor/tensor.h"

// What `gradus bench ops` measures: one list a family of ops, in bench_ops_<family>.cpp.
namespace gradus::cli {

/// One measured op: builds its operands and gives the call. What the numbers of a shape mean stands in
/// bench/torch_rows.
struct OpBench {
  const char* name;
  std::vector<Shape> shapes;
  bool gradient;  ///< forward and backward are timed too
  std::function<Tensors(const Shape&)> operands;
  std::function<Tensor(const Tensors&)> call;
};

/// (n) i64 numbers in [0, bound).
Tensor random_ids(int64_t n, int64_t bound);
/// `count` operands of the row's own shape, normal.
std::function<Tensors(const Shape&)> alike(int count);

std::vector<OpBench> core_benches();
std::vector<OpBench> diff_benches();
std::vector<OpBench> pointwise_benches();
std::vector<OpBench> conv_benches();
std::vector<OpBench> linalg_benches();
std::vector<OpBench> shapes_benches();
std::vector<OpBench> scan_benches();

}  // namespace gradus::cli
