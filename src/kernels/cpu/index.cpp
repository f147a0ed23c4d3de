#include <array>
#include <atomic>
#include <bit>
#include <numeric>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/move.h"
#include "kernels/ref/ref.h"
#include "kernels/within.h"

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

// What a kernel is to say about the entries of an index, from any thread; without `outside` they are right.
class IndexCheck {
 public:
  IndexCheck(int64_t size, bool* outside) : size_(size), outside_(outside) {}
  ~IndexCheck() {
    if (outside_ && wrong_) *outside_ = true;
  }

  template <class Id>
  bool passes(const Id* index, int64_t n) {
    if (!outside_ || all_within(index, n, size_)) return true;
    wrong_.store(true, std::memory_order_relaxed);
    return false;
  }
  template <class Id>
  bool passes_whole(const Tensor& index) {
    if (!outside_) return true;
    const Id* places = index.data<Id>();
    parallel_for(index.count(), 1 << 17, [&](int64_t begin, int64_t end) { passes(places + begin, end - begin); });
    return !wrong_;
  }

 private:
  int64_t size_;
  bool* outside_;
  std::atomic<bool> wrong_{false};
};

constexpr int64_t kChecked = 1024;  // entries that are looked at, then used while they lie in the nearest cache

// Elements are moved as bits of their size.
template <class T, class Id>
void gather_runs(const T* x, const Id* index, T* y, const Lanes& s, int64_t size, IndexCheck& check) {
  parallel_for(s.outer * s.n, rows_for(kCheapGrain, s.inner), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      const T* from = x + i / s.n * size * s.inner;
      const int64_t stop = std::min({end, (i / s.n + 1) * s.n, i + kChecked});
      if (!check.passes(index + i, stop - i)) return;
      if (s.inner == 1)
        for (; i < stop; ++i) y[i] = from[index[i]];
      else
        for (; i < stop; ++i) move_run(y + i * s.inner, from + index[i] * s.inner, s.inner);
    }
  });
}

template <class T, class Id>
void gather_elements(const T* x, const Id* index, T* y, const Lanes& s, int64_t size, IndexCheck& check) {
  parallel_for(s.outer * s.n, rows_for(kCheapGrain, s.inner), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (!check.passes(index + i * s.inner, s.inner)) return;
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
      IndexCheck check(size, args.outside);
      runs.defined() ? gather_runs(x, places, y, s, size, check) : gather_elements(x, places, y, s, size, check);
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

// The runs of block o, columns [begin, end).
template <class Id>
void add_runs_of(const Sums& a, const Id* index, int64_t o, int64_t begin, int64_t end) {
  const int64_t n = a.s.n, inner = a.s.inner;
  float* y = a.y + o * a.target * inner;
  for (int64_t i = o * n; i < (o + 1) * n; ++i)
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

// Rows of single numbers, each begun as the row of x (or zeros) while it lies in the cache.
template <class Id>
void add_to_rows(const Sums& a, const Id* index, const float* x, IndexCheck& check) {
  parallel_for(a.s.outer, rows_for(kCheapGrain, a.s.n + a.target), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      if (!check.passes(index + o * a.s.n, a.s.n)) return;
      float* y = a.y + o * a.target;
      if (x)
        move_run(y, x + o * a.target, a.target);
      else
        std::fill_n(y, a.target, 0.0f);
      add_singly(a, index, o);
    }
  });
}

// Many numbers to few places: pieces of src add into buffers of their own, which are joined in their order.
template <class Id>
void add_into_buffers(const Sums& a, const Id* index, int64_t grain, IndexCheck& check) {
  const int64_t n = a.s.n, pieces = (n + grain - 1) / grain;
  std::vector<float> buffers(static_cast<size_t>(pieces * a.target), 0.0f);
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    float* buffer = buffers.data() + begin / grain * a.target;
    for (int64_t from = begin; from < end; from += kChecked) {
      const int64_t stop = std::min(end, from + kChecked);
      if (!check.passes(index + from, stop - from)) return;
      for (int64_t i = from; i < stop; ++i) buffer[index[i]] += a.src[i];
    }
  });
  for (int64_t k = 0; k < pieces; ++k)
    for (int64_t i = 0; i < a.target; ++i) a.y[i] += buffers[static_cast<size_t>(k * a.target + i)];
}

// Runs into one block: dealt, in their order, to pieces that own some rows of y each.
template <class Id>
void add_dealt_runs(const Sums& a, const Id* index) {
  const int64_t n = a.s.n, inner = a.s.inner;
  const int shift = std::countr_zero(std::bit_ceil(static_cast<uint64_t>((a.target + 7) / 8)));
  std::array<int64_t, 9> start{};
  for (int64_t i = 0; i < n; ++i) ++start[static_cast<size_t>(index[i] >> shift) + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<int64_t> order(static_cast<size_t>(n));
  auto next = start;
  for (int64_t i = 0; i < n; ++i) order[static_cast<size_t>(next[static_cast<size_t>(index[i] >> shift)]++)] = i;
  parallel_for(8, 1, [&](int64_t piece, int64_t) {
    for (int64_t k = start[static_cast<size_t>(piece)]; k < start[static_cast<size_t>(piece) + 1]; ++k) {
      const int64_t i = order[static_cast<size_t>(k)];
      add_run(a.y + index[i] * inner, a.src + i * inner, inner);
    }
  });
}

int64_t buffer_grain(const Sums& a) { return std::max(kCheapGrain, (a.s.n + 7) / 8); }

template <class Id>
void add_runs(const Sums& a, const Id* index) {
  const Lanes& s = a.s;
  if (s.inner == 1)
    for (int64_t o = 0; o < s.outer; ++o) add_singly(a, index, o);
  else if (s.outer > 1 || s.inner >= 256)
    for_each_column_tile(s, 128, [&](int64_t o, int64_t begin, int64_t end) { add_runs_of(a, index, o, begin, end); });
  else if (s.inner < 8 || s.count() < 2 * kCheapGrain)  // dealing them out would cost more
    add_runs_of(a, index, 0, 0, s.inner);
  else
    add_dealt_runs(a, index);
}

void begin_as(const Tensor& x, const Tensor& y) {
  if (x.defined())
    copy({.x = x, .y = y});
  else
    fill({.y = y, .value = 0});
}

}  // namespace

void scatter(const ScatterArgs& args) {
  if (!all_f32({args.src}) || args.f != Scatter::add || !args.y.contiguous() || args.src.count() == 0 ||
      !same_but_for(args.axis, args.y.shape(), args.src.shape())) {
    begin_as(args.x, args.y);
    return ref::scatter({.f = args.f,
                         .x = args.y,
                         .index = args.index,
                         .src = args.src,
                         .y = args.y,
                         .axis = args.axis,
                         .outside = args.outside});
  }
  const Tensor runs = index_of_runs(args.index, args.axis), index = runs.defined() ? runs : dense(args.index);
  const Tensor src = dense(args.src);
  const Sums sums{Lanes(src.shape(), args.axis), args.y.shape()[args.axis], src.data<float>(), args.y.data<float>()};
  IndexCheck check(sums.target, args.outside);
  dispatch_index("scatter", index.dtype(), [&](auto id) {
    using Id = decltype(id);
    const Id* places = index.data<Id>();
    const bool single = runs.defined() && sums.s.inner == 1;
    if (single && sums.s.outer > 1) {
      const Tensor x = dense(args.x);
      return add_to_rows(sums, places, x.defined() ? x.data<float>() : nullptr, check);
    }
    begin_as(args.x, args.y);
    if (single && sums.target <= buffer_grain(sums) / 4)
      return add_into_buffers(sums, places, buffer_grain(sums), check);
    if (!check.passes_whole<Id>(index)) return;
    runs.defined() ? add_runs(sums, places) : add_elements(sums, places);
  });
}

}  // namespace gradus::cpu
