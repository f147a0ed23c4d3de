#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/half.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

namespace {

// A matrix whose rows lie densely one after another, perhaps with gaps between them.
Tensor with_rows(const Tensor& x) { return x.strides()[1] == 1 && x.strides()[0] >= x.shape()[1] ? x : dense(x); }

// A block of one group's product.
struct GroupBlock {
  int64_t group, begin, end;
};

// A group's rows are cut evenly into blocks that are worth handing out, 256 rows or so; into fewer where only larger
// ones are packed.
int64_t rows_of_block(int64_t rows, int64_t columns) {
  const int64_t most = (rows + 255) / 256;
  for (int64_t cuts = most; cuts >= 1; --cuts)
    if (const int64_t size = (rows + cuts - 1) / cuts; gemm_packs(size, columns)) return size;
  return (rows + most - 1) / std::max<int64_t>(most, 1);
}

}  // namespace

void grouped_matmul(const GroupedMatmulArgs& args) {
  if (args.y.count() == 0) return;
  if (is_16_bit(args.x)) {
    const Tensor y = empty(args.y.shape());
    grouped_matmul({.x = copy_in_f32(args.x), .w = copy_in_f32(args.w), .sizes = args.sizes, .y = y});
    return copy({.x = y, .y = args.y});
  }
  const int64_t depth = args.w.shape()[1], n = args.w.shape()[2];
  if (args.x.dtype() != Dtype::f32 || depth == 0) return ref::grouped_matmul(args);
  const Tensor x = with_rows(args.x);
  const auto usable = [](int64_t row, int64_t column, int64_t columns) { return column == 1 && row >= columns; };
  const bool plain = usable(args.w.strides()[1], args.w.strides()[2], n);
  const bool transposed = !plain && usable(args.w.strides()[2], args.w.strides()[1], depth);
  const Tensor w = plain || transposed ? args.w : dense(args.w);

  std::vector<GroupBlock> blocks;
  const int64_t* sizes = args.sizes.data<int64_t>();
  for (int64_t g = 0, row = 0; g < w.shape()[0]; row += sizes[g++]) {
    const int64_t size = rows_of_block(sizes[g], n);
    for (int64_t i = 0; i < sizes[g]; i += size) blocks.push_back({g, row + i, row + std::min(i + size, sizes[g])});
  }
  const ProductType type = product_type();
  parallel_for(static_cast<int64_t>(blocks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const GroupBlock& block = blocks[static_cast<size_t>(i)];
      gemm_block({.transpose_b = transposed,
                  .m = block.end - block.begin,
                  .n = n,
                  .k = depth,
                  .a = x.data<float>() + block.begin * x.strides()[0],
                  .lda = std::max(x.strides()[0], depth),
                  .b = w.data<float>() + block.group * w.strides()[0],
                  .ldb = transposed ? std::max(w.strides()[2], depth) : std::max(w.strides()[1], n),
                  .c = args.y.data<float>() + block.begin * n,
                  .ldc = n,
                  .type = type});
    }
  });
}

void grouped_outer(const GroupedOuterArgs& args) {
  if (args.dw.count() == 0) return;
  if (is_16_bit(args.x)) {
    const Tensor dw = empty(args.dw.shape());
    grouped_outer({.x = copy_in_f32(args.x), .dy = copy_in_f32(args.dy), .sizes = args.sizes, .dw = dw});
    return copy({.x = dw, .y = args.dw});
  }
  if (args.x.dtype() != Dtype::f32) return ref::grouped_outer(args);
  const Tensor x = with_rows(args.x), dy = with_rows(args.dy);
  const int64_t groups = args.dw.shape()[0], m = args.dw.shape()[1], n = args.dw.shape()[2];
  const int64_t* sizes = args.sizes.data<int64_t>();
  std::vector<int64_t> first(static_cast<size_t>(groups));
  for (int64_t g = 0, row = 0; g < groups; row += sizes[g++]) first[static_cast<size_t>(g)] = row;
  // A group's gradient is cut along its rows, so that few groups keep all threads busy too.
  constexpr int64_t kRows = 512;
  const int64_t cuts = (m + kRows - 1) / kRows;
  const ProductType type = product_type();
  parallel_for(groups * cuts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t g = i / cuts, row = i % cuts * kRows, rows = std::min(kRows, m - row);
      float* dw = args.dw.data<float>() + (g * m + row) * n;
      if (sizes[g] == 0) {
        std::fill_n(dw, rows * n, 0.0f);
        continue;
      }
      const int64_t at = first[static_cast<size_t>(g)];
      gemm_block({.transpose_a = true,
                  .m = rows,
                  .n = n,
                  .k = sizes[g],
                  .a = x.data<float>() + at * x.strides()[0] + row,
                  .lda = std::max(x.strides()[0], m),
                  .b = dy.data<float>() + at * dy.strides()[0],
                  .ldb = std::max(dy.strides()[0], n),
                  .c = dw,
                  .ldc = n,
                  .type = type});
    }
  });
}

}  // namespace gradus::cpu
