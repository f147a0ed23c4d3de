#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/move.h"
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
        move_bytes(y + static_cast<size_t>(i) * bytes, table + static_cast<size_t>(id[i]) * bytes, bytes);
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
        add_run(dtable + static_cast<int64_t>(id[i]) * width, d + i * width, width);
      }
    });
  });
}

namespace {

// The index without the axes behind `axis`, when it is the same along all of these: it then names whole runs of
// elements. Undefined otherwise.
Tensor index_of_runs(const Tensor& index, int axis) {
  Shape shape = index.shape();
  Strides strides = index.strides();
  for (int i = index.rank() - 1; i > axis; --i) {
    if (strides[i] != 0 && shape[i] != 1) return {};
    shape.erase(i);
    strides.erase(i);
  }
  return dense(index.strided(shape, strides));
}

bool same_but_for(int axis, const Shape& a, const Shape& b) {
  for (int i = 0; i < a.rank(); ++i)
    if (i != axis && a[i] != b[i]) return false;
  return true;
}

// Elements are moved as bits of their size.
template <class T, class Id>
void gather_runs(const T* x, const Id* index, T* y, const Lanes& s, int64_t size) {
  parallel_for(s.outer * s.n, rows_for(kCheapGrain, s.inner), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      const T* from = x + i / s.n * size * s.inner;
      const int64_t stop = std::min(end, (i / s.n + 1) * s.n);
      if (s.inner == 1)
        for (; i < stop; ++i) y[i] = from[index[i]];
      else
        for (; i < stop; ++i) move_run(y + i * s.inner, from + index[i] * s.inner, s.inner);
    }
  });
}

template <class T, class Id>
void gather_elements(const T* x, const Id* index, T* y, const Lanes& s, int64_t size) {
  parallel_for(s.outer * s.n, rows_for(kCheapGrain, s.inner), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* from = x + i / s.n * size * s.inner;
      for (int64_t j = 0; j < s.inner; ++j) y[i * s.inner + j] = from[index[i * s.inner + j] * s.inner + j];
    }
  });
}

}  // namespace

void gather(const GatherArgs& args) {
  if (!args.x.contiguous() || !same_but_for(args.axis, args.x.shape(), args.index.shape())) return ref::gather(args);
  const Tensor runs = index_of_runs(args.index, args.axis), index = runs.defined() ? runs : dense(args.index);
  const Lanes s(args.index.shape(), args.axis);
  const int64_t size = args.x.shape()[args.axis];
  dispatch_index("gather", index.dtype(), [&](auto id) {
    const auto* places = index.data<decltype(id)>();
    const auto run = [&](auto bits) {
      using T = decltype(bits);
      const T* x = static_cast<const T*>(args.x.raw());
      T* y = static_cast<T*>(args.y.raw());
      runs.defined() ? gather_runs(x, places, y, s, size) : gather_elements(x, places, y, s, size);
    };
    switch (size_of(args.x.dtype())) {
      case 1: return run(uint8_t{});
      case 2: return run(uint16_t{});
      case 4: return run(uint32_t{});
      default: return run(uint64_t{});
    }
  });
}

namespace {

// How src lies over y: `target` entries along the axis of y, s.n of src.
struct Sums {
  Lanes s;
  int64_t target;
  const float* src;
  float* y;
};

// A piece owns some columns of y: it adds in the order of src, as one thread would.
template <class Id>
void add_elements(const Sums& a, const Id* index) {
  const Lanes& s = a.s;
  for_each_column_tile(s, 256, [&](int64_t o, int64_t begin, int64_t end) {
    float* y = a.y + o * a.target * s.inner;
    for (int64_t i = o * s.n; i < (o + 1) * s.n; ++i)
      for (int64_t j = begin; j < end; ++j) y[index[i * s.inner + j] * s.inner + j] += a.src[i * s.inner + j];
  });
}

// The runs that go to rows [low, high) of block o, columns [begin, end).
template <class Id>
void add_runs_between(const Sums& a, const Id* index, int64_t o, int64_t low, int64_t high, int64_t begin,
                      int64_t end) {
  const int64_t n = a.s.n, inner = a.s.inner;
  float* y = a.y + o * a.target * inner;
  for (int64_t i = o * n; i < (o + 1) * n; ++i)
    if (index[i] >= low && index[i] < high)
      add_run(y + index[i] * inner + begin, a.src + i * inner + begin, end - begin);
}

// Single numbers into block o.
template <class Id>
void add_singly(const Sums& a, const Id* index, int64_t o) {
  const float* src = a.src + o * a.s.n;
  float* y = a.y + o * a.target;
  index += o * a.s.n;
  for (int64_t i = 0; i < a.s.n; ++i) y[index[i]] += src[i];
}

// Many numbers to few places: pieces of src add into buffers of their own, which are joined in their order.
template <class Id>
void add_into_buffers(const Sums& a, const Id* index, int64_t grain) {
  const int64_t n = a.s.n, pieces = (n + grain - 1) / grain;
  std::vector<float> buffers(static_cast<size_t>(pieces * a.target), 0.0f);
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    float* buffer = buffers.data() + begin / grain * a.target;
    for (int64_t i = begin; i < end; ++i) buffer[index[i]] += a.src[i];
  });
  for (int64_t k = 0; k < pieces; ++k)
    for (int64_t i = 0; i < a.target; ++i) a.y[i] += buffers[static_cast<size_t>(k * a.target + i)];
}

template <class Id>
void add_runs(const Sums& a, const Id* index) {
  const Lanes& s = a.s;
  const int64_t grain = std::max(kCheapGrain, (s.n + 7) / 8);
  if (s.inner == 1 && (s.outer > 1 || a.target > grain / 4)) {
    parallel_for(s.outer, rows_for(kCheapGrain, s.n), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) add_singly(a, index, o);
    });
  } else if (s.outer > 1 || s.inner >= 256) {
    for_each_column_tile(
        s, 128, [&](int64_t o, int64_t begin, int64_t end) { add_runs_between(a, index, o, 0, a.target, begin, end); });
  } else if (s.inner == 1) {
    add_into_buffers(a, index, grain);
  } else if (s.inner < 8 || s.count() < 2 * kCheapGrain) {  // looking at every index again would cost more
    add_runs_between(a, index, 0, 0, a.target, 0, s.inner);
  } else {
    parallel_for(a.target, (a.target + 7) / 8,
                 [&](int64_t low, int64_t high) { add_runs_between(a, index, 0, low, high, 0, s.inner); });
  }
}

}  // namespace

void scatter(const ScatterArgs& args) {
  if (!all_f32({args.src}) || args.f != Scatter::add || !args.y.contiguous() ||
      !same_but_for(args.axis, args.y.shape(), args.src.shape()))
    return ref::scatter(args);
  const Tensor runs = index_of_runs(args.index, args.axis), index = runs.defined() ? runs : dense(args.index);
  const Tensor src = dense(args.src);
  const Sums sums{Lanes(src.shape(), args.axis), args.y.shape()[args.axis], src.data<float>(), args.y.data<float>()};
  dispatch_index("scatter", index.dtype(), [&](auto id) {
    const auto* places = index.data<decltype(id)>();
    runs.defined() ? add_runs(sums, places) : add_elements(sums, places);
  });
}

}  // namespace gradus::cpu
