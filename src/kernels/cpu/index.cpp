#include <cstring>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

void embedding(const EmbeddingArgs& args) {
  if (args.table.count() == 0 || !args.table.contiguous()) return ref::embedding(args);
  const Tensor ids = dense(args.ids);
  const int64_t width = args.table.size(1);
  const size_t bytes = static_cast<size_t>(width) * size_of(args.table.dtype());
  const char* table = static_cast<const char*>(args.table.raw());
  char* y = static_cast<char*>(args.y.raw());
  dispatch_index("embedding", ids.dtype(), [&](auto tag) {
    const auto* id = ids.data<decltype(tag)>();
    parallel_for(ids.count(), rows_for(kCheapGrain, width), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        std::memcpy(y + static_cast<size_t>(i) * bytes, table + static_cast<size_t>(id[i]) * bytes, bytes);
    });
  });
}

// Each piece owns some rows of the table and adds what belongs there, in the order of the ids: the same sums as one
// thread would make, whatever the number of threads.
void embedding_backward(const EmbeddingBackwardArgs& args) {
  if (!all_f32({args.dy}) || args.dtable.count() == 0) return ref::embedding_backward(args);
  const Tensor ids = dense(args.ids), dy = dense(args.dy);
  const int64_t rows = args.dtable.size(0), width = args.dtable.size(1), n = ids.count();
  float* dtable = args.dtable.data<float>();
  const float* d = dy.data<float>();
  dispatch_index("embedding", ids.dtype(), [&](auto tag) {
    const auto* id = ids.data<decltype(tag)>();
    parallel_for(rows, std::max((rows + 31) / 32, rows_for(kCheapGrain, width)), [&](int64_t begin, int64_t end) {
      std::fill(dtable + begin * width, dtable + end * width, 0.0f);
      for (int64_t i = 0; i < n; ++i) {
        if (id[i] < begin || id[i] >= end) continue;
        float* to = dtable + static_cast<int64_t>(id[i]) * width;
        const float* from = d + i * width;
        for (int64_t j = 0; j < width; ++j) to[j] += from[j];
      }
    });
  });
}

}  // namespace gradus::cpu
