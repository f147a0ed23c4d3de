#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/channel_norm.cpp"
#include <cmath>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"

// Batch and group norm of x (B, C, S): a row is the S numbers of one channel of one entry.
HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

constexpr size_t kChain = 4096;  // numbers that are added in f32, before f64 takes over

struct SumOfChannelDeviations : SumOf {
  float mean;
  explicit SumOfChannelDeviations(float m) : mean(m) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V s, V x) const {
    const V c = hn::Sub(x, hn::Set(d, mean));
    return hn::MulAdd(c, c, s);
  }
};

double row_sum(const float* x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i += kChain) sum += sum_of(x + i, n - i < kChain ? n - i : kChain);
  return sum;
}

// sum (x - mean)^2
double row_deviations(const float* x, size_t n, float mean) {
  double sum = 0;
  for (size_t i = 0; i < n; i += kChain)
    sum += lane_sum(fold(SumOfChannelDeviations(mean), 0, mean, n - i < kChain ? n - i : kChain, x + i));
  return sum;
}

// y = (x - mean) a + b
void row_affine(const float* x, size_t n, float mean, float a, float b, float* y) {
  map([=](auto d, auto v) HWY_ATTR { return hn::MulAdd(hn::Sub(v, hn::Set(d, mean)), hn::Set(d, a), hn::Set(d, b)); },
      n, y, x);
}

// sums[0] = sum dy, sums[1] = sum dy (x - mean)
void row_products(const float* x, const float* dy, size_t n, float mean, double* sums) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const FloatVec mu = hn::Set(d, mean);
  sums[0] = sums[1] = 0;
  for (size_t from = 0; from < n; from += kChain) {
    const size_t end = n - from < kChain ? n : from + kChain;
    FloatVec s0 = hn::Zero(d), s1 = s0, p0 = s0, p1 = s0;
    size_t i = from;
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      const FloatVec g0 = hn::LoadU(d, dy + i), g1 = hn::LoadU(d, dy + i + lanes);
      s0 = hn::Add(s0, g0);
      s1 = hn::Add(s1, g1);
      p0 = hn::MulAdd(g0, hn::Sub(hn::LoadU(d, x + i), mu), p0);
      p1 = hn::MulAdd(g1, hn::Sub(hn::LoadU(d, x + i + lanes), mu), p1);
    }
    for (; i < end; i += lanes) {
      const size_t rest = end - i < lanes ? end - i : lanes;
      const FloatVec g = load_some(d, dy + i, rest);
      s0 = hn::Add(s0, g);
      p0 = hn::MulAdd(g, hn::Sub(load_some(d, x + i, rest), mu), p0);
    }
    sums[0] += lane_sum(hn::Add(s0, s1));
    sums[1] += lane_sum(hn::Add(p0, p1));
  }
}

// dx = a dy + b (x - mean) + c
void row_gradient(const float* x, const float* dy, size_t n, float mean, float a, float b, float c, float* dx) {
  map(
      [=](auto d, auto v, auto g) HWY_ATTR {
        return hn::MulAdd(g, hn::Set(d, a), hn::MulAdd(hn::Sub(v, hn::Set(d, mean)), hn::Set(d, b), hn::Set(d, c)));
      },
      n, dx, x, dy);
}

// For rows too short to be vectors: x (rows, ld) has one column a channel and place, with n columns here.
// V vectors of columns at a time, whose sums stay in registers.
template <size_t V>
HWY_INLINE void sum_vectors(const float* x, size_t rows, size_t ld, float* sums) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec s[V];
#pragma GCC unroll 8
  for (size_t v = 0; v < V; ++v) s[v] = hn::Zero(d);
  for (size_t r = 0; r < rows; ++r, x += ld)
#pragma GCC unroll 8
    for (size_t v = 0; v < V; ++v) s[v] = hn::Add(s[v], hn::LoadU(d, x + v * lanes));
#pragma GCC unroll 8
  for (size_t v = 0; v < V; ++v) hn::StoreU(s[v], d, sums + v * lanes);
}

template <size_t V>
HWY_INLINE void square_vectors(const float* x, size_t rows, size_t ld, const float* mean, float* squares) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec s[V], m[V];
#pragma GCC unroll 4
  for (size_t v = 0; v < V; ++v) s[v] = hn::Zero(d), m[v] = hn::LoadU(d, mean + v * lanes);
  for (size_t r = 0; r < rows; ++r, x += ld)
#pragma GCC unroll 4
    for (size_t v = 0; v < V; ++v) {
      const FloatVec c = hn::Sub(hn::LoadU(d, x + v * lanes), m[v]);
      s[v] = hn::MulAdd(c, c, s[v]);
    }
#pragma GCC unroll 4
  for (size_t v = 0; v < V; ++v) hn::StoreU(s[v], d, squares + v * lanes);
}

// sums_j = sum over rows of x_j
void column_sums(const float* x, size_t rows, size_t ld, size_t n, float* sums) {
  const size_t lanes = hn::Lanes(Floats());
  size_t i = 0;
  for (; i + 8 * lanes <= n; i += 8 * lanes) sum_vectors<8>(x + i, rows, ld, sums + i);
  for (; i + lanes <= n; i += lanes) sum_vectors<1>(x + i, rows, ld, sums + i);
  for (; i < n; ++i) {
    sums[i] = 0;
    for (size_t r = 0; r < rows; ++r) sums[i] += x[r * ld + i];
  }
}

// squares_j = sum over rows of (x_j - mean_j)^2
void column_squares(const float* x, size_t rows, size_t ld, size_t n, const float* mean, float* squares) {
  const size_t lanes = hn::Lanes(Floats());
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) square_vectors<4>(x + i, rows, ld, mean + i, squares + i);
  for (; i + lanes <= n; i += lanes) square_vectors<1>(x + i, rows, ld, mean + i, squares + i);
  for (; i < n; ++i) {
    squares[i] = 0;
    for (size_t r = 0; r < rows; ++r) squares[i] += (x[r * ld + i] - mean[i]) * (x[r * ld + i] - mean[i]);
  }
}

void column_affine(const float* x, size_t rows, size_t ld, size_t n, const float* mean, const float* a, const float* b,
                   float* y) {
  const auto f = [](auto, auto v, auto m, auto s, auto o) HWY_ATTR { return hn::MulAdd(hn::Sub(v, m), s, o); };
  for (size_t r = 0; r < rows; ++r, x += ld, y += ld) map(f, n, y, x, mean, a, b);
}

template <size_t V>
HWY_INLINE void product_vectors(const float* x, const float* dy, size_t rows, size_t ld, const float* mean, float* sums,
                                float* products) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec s[V], p[V], m[V];
#pragma GCC unroll 4
  for (size_t v = 0; v < V; ++v) s[v] = p[v] = hn::Zero(d), m[v] = hn::LoadU(d, mean + v * lanes);
  for (size_t r = 0; r < rows; ++r, x += ld, dy += ld)
#pragma GCC unroll 4
    for (size_t v = 0; v < V; ++v) {
      const FloatVec g = hn::LoadU(d, dy + v * lanes);
      s[v] = hn::Add(s[v], g);
      p[v] = hn::MulAdd(g, hn::Sub(hn::LoadU(d, x + v * lanes), m[v]), p[v]);
    }
#pragma GCC unroll 4
  for (size_t v = 0; v < V; ++v) {
    hn::StoreU(s[v], d, sums + v * lanes);
    hn::StoreU(p[v], d, products + v * lanes);
  }
}

// sums_j = sum over rows of dy_j, products_j = sum over rows of dy_j (x_j - mean_j)
void column_products(const float* x, const float* dy, size_t rows, size_t ld, size_t n, const float* mean, float* sums,
                     float* products) {
  const size_t lanes = hn::Lanes(Floats());
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes)
    product_vectors<4>(x + i, dy + i, rows, ld, mean + i, sums + i, products + i);
  for (; i + lanes <= n; i += lanes) product_vectors<1>(x + i, dy + i, rows, ld, mean + i, sums + i, products + i);
  for (; i < n; ++i) {
    sums[i] = products[i] = 0;
    for (size_t r = 0; r < rows; ++r) {
      sums[i] += dy[r * ld + i];
      products[i] += dy[r * ld + i] * (x[r * ld + i] - mean[i]);
    }
  }
}

void column_gradient(const float* x, const float* dy, size_t rows, size_t ld, size_t n, const float* mean,
                     const float* a, const float* b, const float* c, float* dx) {
  const auto f = [](auto, auto v, auto g, auto m, auto s, auto t, auto o)
                     HWY_ATTR { return hn::MulAdd(g, s, hn::MulAdd(hn::Sub(v, m), t, o)); };
  for (size_t r = 0; r < rows; ++r, x += ld, dy += ld, dx += ld) map(f, n, dx, x, dy, mean, a, b, c);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(row_sum);
HWY_EXPORT(row_deviations);
HWY_EXPORT(row_affine);
HWY_EXPORT(row_products);
HWY_EXPORT(row_gradient);
HWY_EXPORT(column_sums);
HWY_EXPORT(column_squares);
HWY_EXPORT(column_affine);
HWY_EXPORT(column_products);
HWY_EXPORT(column_gradient);

namespace {

constexpr int64_t kShortRow = 16;    // below, vectors run across channels
constexpr int64_t kColumnTile = 64;  // columns a piece has: four cache lines

struct Volume {
  int64_t batch, channels, spatial;
  explicit Volume(const Tensor& x) : batch(x.shape()[0]), channels(x.shape()[1]), spatial(x.shape()[2]) {}
  int64_t rows() const { return batch * channels; }
  int64_t columns() const { return channels * spatial; }
  double per_channel() const { return static_cast<double>(batch) * static_cast<double>(spatial); }
  size_t n() const { return static_cast<size_t>(spatial); }
};

float value_or(const Tensor& x, int64_t c, float otherwise) { return x.defined() ? x.data<float>()[c] : otherwise; }

// Calls f(row) for all rows, in pieces of `grain` elements.
template <class F>
void for_rows(const Volume& v, const F& f) {
  parallel_for(v.rows(), rows_for(kCheapGrain, v.spatial), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) f(row);
  });
}

// Each channel's mean, and variance about it: rows first, joined in order (Chan et al. 1979).
void moments_by_rows(const Volume& v, const float* x, float* mean, float* variance) {
  std::vector<double> means(static_cast<size_t>(v.rows())), squares(means.size());
  const auto sum = HWY_DYNAMIC_DISPATCH(row_sum);
  const auto deviations = HWY_DYNAMIC_DISPATCH(row_deviations);
  const double n = static_cast<double>(v.spatial);
  for_rows(v, [&](int64_t row) {
    const float* p = x + row * v.spatial;
    const double about = sum(p, v.n()) / n;
    means[static_cast<size_t>(row)] = about;
    squares[static_cast<size_t>(row)] = deviations(p, v.n(), static_cast<float>(about));
  });
  for (int64_t c = 0; c < v.channels; ++c) {
    double total = 0, spread = 0;
    for (int64_t b = 0; b < v.batch; ++b) total += means[static_cast<size_t>(b * v.channels + c)];
    total /= static_cast<double>(v.batch);
    for (int64_t b = 0; b < v.batch; ++b) {
      const size_t row = static_cast<size_t>(b * v.channels + c);
      spread += squares[row] + n * (means[row] - total) * (means[row] - total);
    }
    mean[c] = static_cast<float>(total);
    variance[c] = static_cast<float>(spread / v.per_channel());
  }
}

// Every column of a channel gets the channel's number.
std::vector<float> spread_out(const Volume& v, const auto& of_channel) {
  std::vector<float> columns(static_cast<size_t>(v.columns()));
  for (int64_t i = 0; i < v.columns(); ++i) columns[static_cast<size_t>(i)] = of_channel(i / v.spatial);
  return columns;
}

constexpr int64_t kRowTile = 256;  // rows that f32 adds before f64 takes over; a tile of them stays in the cache

// Calls f(column, n, row, rows) for tiles of columns, and in these for tiles of rows, in order.
template <class F>
void for_column_tiles(const Volume& v, const F& f) {
  parallel_for(v.columns(), kColumnTile, [&](int64_t begin, int64_t end) {
    for (int64_t row = 0; row < v.batch; row += kRowTile) f(begin, end - begin, row, std::min(kRowTile, v.batch - row));
  });
}

// Each channel's mean, and variance about it: tiles of columns first, joined in order (Chan et al. 1979).
void moments_by_columns(const Volume& v, const float* x, float* mean, float* variance) {
  const int64_t ld = v.columns();
  std::vector<double> means(static_cast<size_t>(ld)), squares(means.size());
  const auto add = HWY_DYNAMIC_DISPATCH(column_sums);
  const auto square = HWY_DYNAMIC_DISPATCH(column_squares);
  for_column_tiles(v, [&](int64_t column, int64_t n, int64_t row, int64_t rows) {
    float about[kColumnTile], deviations[kColumnTile];
    const float* tile = x + row * ld + column;
    add(tile, static_cast<size_t>(rows), static_cast<size_t>(ld), static_cast<size_t>(n), about);
    for (int64_t i = 0; i < n; ++i) about[i] /= static_cast<float>(rows);
    square(tile, static_cast<size_t>(rows), static_cast<size_t>(ld), static_cast<size_t>(n), about, deviations);
    const double share = static_cast<double>(rows) / static_cast<double>(row + rows);
    for (int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<size_t>(column + i);
      const double step = static_cast<double>(about[i]) - means[at];
      means[at] += step * share;
      squares[at] += static_cast<double>(deviations[i]) + step * step * share * static_cast<double>(row);
    }
  });
  for (int64_t c = 0; c < v.channels; ++c) {
    double total = 0, spread = 0;
    for (int64_t i = c * v.spatial; i < (c + 1) * v.spatial; ++i) total += means[static_cast<size_t>(i)];
    total /= static_cast<double>(v.spatial);
    for (int64_t i = c * v.spatial; i < (c + 1) * v.spatial; ++i) {
      const double step = means[static_cast<size_t>(i)] - total;
      spread += squares[static_cast<size_t>(i)] + static_cast<double>(v.batch) * step * step;
    }
    mean[c] = static_cast<float>(total);
    variance[c] = static_cast<float>(spread / v.per_channel());
  }
}

// Each channel's sum of dy, and of dy (x - mean).
void products_by_columns(const Volume& v, const float* x, const float* dy, const float* mean, double* sums,
                         double* products) {
  const int64_t ld = v.columns();
  std::vector<double> totals(static_cast<size_t>(2 * ld));
  const auto add = HWY_DYNAMIC_DISPATCH(column_products);
  for_column_tiles(v, [&](int64_t column, int64_t n, int64_t row, int64_t rows) {
    float first[kColumnTile], second[kColumnTile];
    add(x + row * ld + column, dy + row * ld + column, static_cast<size_t>(rows), static_cast<size_t>(ld),
        static_cast<size_t>(n), mean + column, first, second);
    for (int64_t i = 0; i < n; ++i) {
      totals[static_cast<size_t>(column + i)] += static_cast<double>(first[i]);
      totals[static_cast<size_t>(ld + column + i)] += static_cast<double>(second[i]);
    }
  });
  for (int64_t i = 0; i < ld; ++i) {
    sums[i / v.spatial] += totals[static_cast<size_t>(i)];
    products[i / v.spatial] += totals[static_cast<size_t>(ld + i)];
  }
}

// Rows of a (rows, columns) matrix in pieces.
template <class F>
void for_whole_rows(const Volume& v, const F& f) {
  parallel_for(v.batch, rows_for(kCheapGrain, v.columns()), [&](int64_t begin, int64_t end) {
    f(begin * v.columns(), static_cast<size_t>(end - begin), static_cast<size_t>(v.columns()));
  });
}

std::vector<float> rstds(const Volume& v, const Tensor& variance, double eps) {
  std::vector<float> rstd(static_cast<size_t>(v.channels));
  for (int64_t c = 0; c < v.channels; ++c)
    rstd[static_cast<size_t>(c)] =
        static_cast<float>(1 / std::sqrt(static_cast<double>(variance.data<float>()[c]) + eps));
  return rstd;
}

// The two sums of each row, into those of their channels.
void join_rows(const Volume& v, const std::vector<double>& rows, std::vector<double>& first,
               std::vector<double>& second) {
  for (int64_t row = 0; row < v.rows(); ++row) {
    const size_t c = static_cast<size_t>(row % v.channels);
    first[c] += rows[static_cast<size_t>(2 * row)];
    second[c] += rows[static_cast<size_t>(2 * row + 1)];
  }
}

void store_sums(const std::vector<double>& values, const Tensor& to) {
  if (!to.defined()) return;
  for (size_t c = 0; c < values.size(); ++c) to.data<float>()[c] = static_cast<float>(values[c]);
}

}  // namespace

void batch_norm(const BatchNormArgs& args) {
  if (!all_f32({args.x, args.mean})) return ref::batch_norm(args);
  if (args.x.count() == 0) return;
  const Tensor x = dense(args.x), weight = dense(args.weight), bias = dense(args.bias);
  const Volume v(x);
  const bool columns = v.spatial < kShortRow;
  float *mean = args.mean.data<float>(), *variance = args.variance.data<float>();
  const float* from = x.data<float>();
  float* to = args.y.data<float>();
  if (!args.given) columns ? moments_by_columns(v, from, mean, variance) : moments_by_rows(v, from, mean, variance);
  const std::vector<float> rstd = rstds(v, args.variance, args.eps);
  const auto scale = [&](int64_t c) { return rstd[static_cast<size_t>(c)] * value_or(weight, c, 1); };
  if (columns) {
    const auto mu = spread_out(v, [&](int64_t c) { return mean[c]; }), a = spread_out(v, scale),
               b = spread_out(v, [&](int64_t c) { return value_or(bias, c, 0); });
    const auto affine = HWY_DYNAMIC_DISPATCH(column_affine);
    for_whole_rows(v, [&](int64_t at, size_t rows, size_t n) {
      affine(from + at, rows, n, n, mu.data(), a.data(), b.data(), to + at);
    });
    return;
  }
  const auto affine = HWY_DYNAMIC_DISPATCH(row_affine);
  for_rows(v, [&](int64_t row) {
    const int64_t c = row % v.channels;
    affine(from + row * v.spatial, v.n(), mean[c], scale(c), value_or(bias, c, 0), to + row * v.spatial);
  });
}

// dx = weight rstd (dy - mean(dy) - h mean(dy h)), h = (x - mean) rstd
void batch_norm_backward(const BatchNormBackwardArgs& args) {
  if (!all_f32({args.x, args.mean})) return ref::batch_norm_backward(args);
  if (args.x.count() == 0) return ref::batch_norm_backward(args);
  const Tensor x = dense(args.x), weight = dense(args.weight), dy = dense(args.dy);
  const Volume v(x);
  const bool columns = v.spatial < kShortRow;
  const float *mean = args.mean.data<float>(), *from = x.data<float>(), *grad = dy.data<float>();
  const std::vector<float> rstd = rstds(v, args.variance, args.eps);
  std::vector<double> sums(static_cast<size_t>(v.channels)), products(sums.size());
  std::vector<float> mu;
  if (columns) {
    mu = spread_out(v, [&](int64_t c) { return mean[c]; });
    products_by_columns(v, from, grad, mu.data(), sums.data(), products.data());
  } else {
    std::vector<double> partial(static_cast<size_t>(2 * v.rows()));
    const auto add = HWY_DYNAMIC_DISPATCH(row_products);
    for_rows(v, [&](int64_t row) {
      add(from + row * v.spatial, grad + row * v.spatial, v.n(), mean[row % v.channels], partial.data() + 2 * row);
    });
    join_rows(v, partial, sums, products);
  }
  for (size_t c = 0; c < products.size(); ++c) products[c] *= rstd[c];
  store_sums(products, args.dweight);
  store_sums(sums, args.dbias);
  if (!args.dx.defined()) return;
  // dx = a dy + b (x - mean) + c
  const double share = args.given ? 0 : 1 / v.per_channel();
  const auto a = [&](int64_t c) { return rstd[static_cast<size_t>(c)] * value_or(weight, c, 1); };
  const auto b = [&](int64_t c) {
    return static_cast<float>(-a(c) * products[static_cast<size_t>(c)] * share) * rstd[static_cast<size_t>(c)];
  };
  const auto offset = [&](int64_t c) { return static_cast<float>(-a(c) * sums[static_cast<size_t>(c)] * share); };
  float* dx = args.dx.data<float>();
  if (columns) {
    const auto as = spread_out(v, a), bs = spread_out(v, b), cs = spread_out(v, offset);
    const auto gradient = HWY_DYNAMIC_DISPATCH(column_gradient);
    for_whole_rows(v, [&](int64_t at, size_t rows, size_t width) {
      gradient(from + at, grad + at, rows, width, width, mu.data(), as.data(), bs.data(), cs.data(), dx + at);
    });
    return;
  }
  const auto gradient = HWY_DYNAMIC_DISPATCH(row_gradient);
  for_rows(v, [&](int64_t row) {
    const int64_t c = row % v.channels, at = row * v.spatial;
    gradient(from + at, grad + at, v.n(), mean[c], a(c), b(c), offset(c), dx + at);
  });
}

void group_norm(const GroupNormArgs& args) {
  if (!all_f32({args.x})) return ref::group_norm(args);
  if (args.x.count() == 0) return;
  const Tensor x = dense(args.x), weight = dense(args.weight), bias = dense(args.bias);
  const Volume v(x);
  const int64_t size = v.channels / args.groups, n = size * v.spatial;
  const auto sum = HWY_DYNAMIC_DISPATCH(row_sum);
  const auto deviations = HWY_DYNAMIC_DISPATCH(row_deviations);
  const auto affine = HWY_DYNAMIC_DISPATCH(row_affine);
  parallel_for(v.batch * args.groups, rows_for(kCheapGrain, n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* from = x.data<float>() + i * n;
      float *to = args.y.data<float>() + i * n, *mean = args.mean.data<float>() + i,
            *rstd = args.rstd.data<float>() + i;
      *mean = static_cast<float>(sum(from, static_cast<size_t>(n)) / static_cast<double>(n));
      const double variance = deviations(from, static_cast<size_t>(n), *mean) / static_cast<double>(n);
      *rstd = static_cast<float>(1 / std::sqrt(variance + args.eps));
      for (int64_t k = 0; k < size; ++k) {
        const int64_t c = i % args.groups * size + k;
        affine(from + k * v.spatial, v.n(), *mean, *rstd * value_or(weight, c, 1), value_or(bias, c, 0),
               to + k * v.spatial);
      }
    }
  });
}

void group_norm_backward(const GroupNormBackwardArgs& args) {
  if (!all_f32({args.x})) return ref::group_norm_backward(args);
  if (args.x.count() == 0) return ref::group_norm_backward(args);
  const Tensor x = dense(args.x), weight = dense(args.weight), dy = dense(args.dy);
  const Volume v(x);
  const int64_t size = v.channels / args.groups, n = size * v.spatial;
  const float *means = args.mean.data<float>(), *rstds = args.rstd.data<float>();
  std::vector<double> partial(static_cast<size_t>(2 * v.rows()));
  const auto add = HWY_DYNAMIC_DISPATCH(row_products);
  const auto gradient = HWY_DYNAMIC_DISPATCH(row_gradient);
  parallel_for(v.batch * args.groups, rows_for(kCheapGrain, n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float mean = means[i], rstd = rstds[i];
      const int64_t channel = i % args.groups * size;
      double sum = 0, product = 0;
      for (int64_t k = 0; k < size; ++k) {
        const int64_t at = i * n + k * v.spatial;
        double* sums = partial.data() + 2 * (i * size + k);
        add(x.data<float>() + at, dy.data<float>() + at, v.n(), mean, sums);
        sums[1] *= rstd;
        const double w = value_or(weight, channel + k, 1);
        sum += w * sums[0];
        product += w * sums[1];
      }
      if (!args.dx.defined()) continue;
      const double count = static_cast<double>(n);
      const float b = static_cast<float>(-rstd * rstd * product / count), c = static_cast<float>(-rstd * sum / count);
      for (int64_t k = 0; k < size; ++k) {
        const int64_t at = i * n + k * v.spatial;
        gradient(x.data<float>() + at, dy.data<float>() + at, v.n(), mean, rstd * value_or(weight, channel + k, 1), b,
                 c, args.dx.data<float>() + at);
      }
    }
  });
  std::vector<double> sums(static_cast<size_t>(v.channels)), products(sums.size());
  join_rows(v, partial, sums, products);
  store_sums(products, args.dweight);
  store_sums(sums, args.dbias);
}

}  // namespace gradus::cpu
#endif
