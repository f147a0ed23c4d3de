#include <algorithm>
#include <type_traits>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd.h"
#include "kernels/ref/ref.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention_backward.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/tile.h"
#include "kernels/cpu/vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// Lays out `width` columns from `start`: rows, panels, log-sum-exps and delta = do . o.
void pack(const AttentionBackwardArgs& args, const AttentionShape& s, int64_t b, int64_t g, int64_t start,
          int64_t width, const BackwardScratch& m) {
  const HeadView q(args.q), o(args.o), d_o(args.d_o);
  const float* lse = args.lse.data<float>();
  const int64_t stride = padded_depth(s);
  const int64_t used = (width + kTileColumns - 1) / kTileColumns * kTileColumns * s.depth;
  for (float* panels : {m.q_t, m.do_t, m.dq_t}) std::fill_n(panels, used, 0.0f);
  std::fill_n(m.lse, 2 * kChunk, 0.0f);
  for (int64_t c = 0; c < width; ++c) {
    const int64_t i = s.query(start + c), h = s.head(g, start + c);
    const float *q_row = q.at(b, i, h), *o_row = o.at(b, i, h), *do_row = d_o.at(b, i, h);
    float *q_to = m.q + c * stride, *do_to = m.d_o + c * stride;
    scale_row(q_row, q.d, 1, s.depth, q_to, 1);
    scale_row(do_row, d_o.d, 1, s.depth, do_to, 1);
    std::fill(q_to + s.depth, q_to + stride, 0.0f);
    std::fill(do_to + s.depth, do_to + stride, 0.0f);
    const float l = lse[(b * s.heads + h) * s.queries + i];
    // A column that saw nothing has lse = -inf; +inf makes its probabilities 0.
    m.lse[c] = l == -std::numeric_limits<float>::infinity() ? -l : l * kLog2E;
    m.delta[c] = dot_row(o_row, o.d, do_to, s.depth);
  }
  for (int64_t c = 0; c < width; c += kTileColumns) {
    const int64_t columns = std::min(kTileColumns, width - c);
    transpose(m.q + c * stride, stride, columns, s.depth, m.q_t + c * s.depth, kTileColumns);
    transpose(m.d_o + c * stride, stride, columns, s.depth, m.do_t + c * s.depth, kTileColumns);
  }
  scale_row(m.q_t, 1, s.scale * kLog2E, used, m.q_t, 1);
}

// p = 2^(score - lse) where visible; ds = p (dp - delta), times 1 - tanh^2 when the scores are capped. Both tiles have
// rows of kColumnBlock.
template <bool kPartly, bool kCapped>
void probabilities(const AttentionShape& s, const Sight& sight, int64_t b, int64_t key, int64_t rows, int64_t column,
                   int64_t columns, const float* lse, const float* delta, float* p, float* ds) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  for (int64_t c = 0; c < columns; c += kLanes) {
    const FloatVec l = hn::LoadU(d, lse + c), dl = hn::LoadU(d, delta + c);
    const auto low = hn::LoadU(di, sight.low + column + c), high = hn::LoadU(di, sight.high + column + c);
    for (int64_t r = 0; r < rows; ++r) {
      float *p_at = p + r * kColumnBlock + c, *ds_at = ds + r * kColumnBlock + c;
      FloatVec score = hn::LoadU(d, p_at), dp = hn::Sub(hn::LoadU(d, ds_at), dl);
      if constexpr (kCapped) {
        const FloatVec bent = tanh(d, hn::Div(score, hn::Set(d, s.softcap)));
        score = hn::Mul(bent, hn::Set(d, s.softcap));
        dp = hn::Mul(dp, hn::NegMulAdd(bent, bent, hn::Set(d, 1.0f)));
      }
      FloatVec y = exp2_nonpositive(d, hn::Sub(score, l));
      FloatVec dy = hn::Mul(y, dp);
      if constexpr (kPartly) {
        const auto j = hn::Set(di, static_cast<int32_t>(key + r));
        auto outside = hn::RebindMask(d, hn::Or(hn::Lt(j, low), hn::Gt(j, high)));
        if (s.mask && !s.mask[b * s.mask_b + (key + r) * s.mask_t]) outside = hn::FirstN(d, kLanes);
        y = hn::IfThenZeroElse(outside, y);
        dy = hn::IfThenZeroElse(outside, dy);
      }
      hn::StoreU(y, d, p_at);
      hn::StoreU(dy, d, ds_at);
    }
  }
}

// The block of columns at `c0` of the chunk against the keys [key, key + block).
void backward_tile(const AttentionBackwardArgs& args, const AttentionShape& s, int64_t b, int64_t g, const Sight& sight,
                   int64_t c0, int64_t width, int64_t key, int64_t block, const BackwardScratch& m, float* dk,
                   float* dv) {
  const HeadView k(args.k), v(args.v);
  const int64_t stride = padded_depth(s), padded = (width + kLanes - 1) / kLanes * kLanes;
  const bool partly = s.mask || key < sight.all_low || key + block - 1 > sight.all_high;
  for (int64_t c = 0; c < padded; c += kTileColumns) {
    const int64_t columns = std::min(kTileColumns, padded - c), panel = (c0 + c) * s.depth;
    const int64_t reach = sight.reach(key, block, c, c + columns);
    float *p = m.p + c, *ds = m.ds + c;
    for (int64_t r = reach; r < block; ++r) {
      std::fill_n(p + r * kColumnBlock, columns, 0.0f);
      std::fill_n(ds + r * kColumnBlock, columns, 0.0f);
    }
    if (reach == 0) continue;
    multiply({.rows = reach,
              .columns = columns,
              .depth = s.depth,
              .a = k.at(b, key, g),
              .a_row = k.t,
              .a_depth = k.d,
              .b = m.q_t + panel,
              .ldb = kTileColumns,
              .c = p,
              .ldc = kColumnBlock,
              .add = false});
    multiply({.rows = reach,
              .columns = columns,
              .depth = s.depth,
              .a = v.at(b, key, g),
              .a_row = v.t,
              .a_depth = v.d,
              .b = m.do_t + panel,
              .ldb = kTileColumns,
              .c = ds,
              .ldc = kColumnBlock,
              .add = false});
    const float *lse = m.lse + c0 + c, *delta = m.delta + c0 + c;
    const auto soften = s.softcap > 0 ? (partly ? probabilities<true, true> : probabilities<false, true>)
                                      : (partly ? probabilities<true, false> : probabilities<false, false>);
    soften(s, sight, b, key, reach, c, columns, lse, delta, p, ds);
    multiply({.rows = s.depth,
              .columns = columns,
              .depth = reach,
              .a = k.at(b, key, g),
              .a_row = k.d,
              .a_depth = k.t,
              .b = ds,
              .ldb = kColumnBlock,
              .c = m.dq_t + panel,
              .ldc = kTileColumns,
              .add = true});
  }
  for (int64_t r = 0; r < block; r += kTileRows) {
    const int64_t rows = std::min(kTileRows, block - r);
    int64_t c = 0;  // columns before see none of these keys
    while (c < width && sight.high[c] < key + r) ++c;
    if (c == width) continue;
    Product product{.rows = rows,
                    .columns = stride,
                    .depth = width - c,
                    .a = m.p + r * kColumnBlock + c,
                    .a_row = kColumnBlock,
                    .a_depth = 1,
                    .b = m.d_o + (c0 + c) * stride,
                    .ldb = stride,
                    .c = dv + (key + r) * stride,
                    .ldc = stride,
                    .add = true};
    multiply(product);
    product.a = m.ds + r * kColumnBlock + c;
    product.b = m.q + (c0 + c) * stride;
    product.c = dk + (key + r) * stride;
    multiply(product);
  }
}

// Columns [begin, end) of key head g: writes their dq, adds to dk and dv (Tk, padded depth), which are unscaled.
void backward_columns(const AttentionBackwardArgs& args, const AttentionShape& s, int64_t b, int64_t g, int64_t begin,
                      int64_t end, float* scratch, float* dk, float* dv) {
  const BackwardScratch m(s, scratch);
  const HeadView dq(args.dq);
  std::vector<Sight> sights;
  sights.reserve(kChunk / kColumnBlock);
  for (int64_t start = begin; start < end; start += kChunk) {
    const int64_t width = std::min(kChunk, end - start);
    pack(args, s, b, g, start, width, m);
    sights.clear();
    int64_t first = s.keys, last = 0;
    for (int64_t c = 0; c < width; c += kColumnBlock) {
      sights.emplace_back(s, b, start + c, std::min(kColumnBlock, width - c));
      first = std::min(first, sights.back().begin), last = std::max(last, sights.back().end);
    }
    for (int64_t key = first; key < last; key += kKeyBlock) {
      const int64_t block = std::min(kKeyBlock, last - key);
      for (int64_t c = 0; c < width; c += kColumnBlock) {
        const Sight& sight = sights[static_cast<size_t>(c / kColumnBlock)];
        if (key < sight.end && key + block > sight.begin)
          backward_tile(args, s, b, g, sight, c, std::min(kColumnBlock, width - c), key, block, m, dk, dv);
      }
    }
    for (int64_t c = 0; c < width; c += kTileColumns) {
      const int64_t columns = std::min(kTileColumns, width - c);
      transpose(m.dq_t + c * s.depth, kTileColumns, s.depth, columns, m.q, s.depth);
      for (int64_t i = 0; i < columns; ++i) {
        const int64_t column = start + c + i;
        scale_row(m.q + i * s.depth, 1, s.scale, s.depth, dq.at(b, s.query(column), s.head(g, column)), dq.d);
      }
    }
  }
}

// Writes dk and dv of one head from its parts, (dk, dv) after (dk, dv), added in their order into the first.
void finish_keys(const AttentionBackwardArgs& args, const AttentionShape& s, int64_t b, int64_t g, float* parts,
                 int64_t count) {
  const Floats d;
  const int64_t stride = padded_depth(s), size = 2 * s.keys * stride;
  for (int64_t i = 1; i < count; ++i)
    for (int64_t x = 0; x < size; x += kLanes)
      hn::StoreU(hn::Add(hn::LoadU(d, parts + x), hn::LoadU(d, parts + i * size + x)), d, parts + x);
  const HeadView dk(args.dk), dv(args.dv);
  for (int64_t j = 0; j < s.keys; ++j) {
    scale_row(parts + j * stride, 1, s.scale, s.depth, dk.at(b, j, g), dk.d);
    scale_row(parts + size / 2 + j * stride, 1, 1, s.depth, dv.at(b, j, g), dv.d);
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::cpu {
HWY_EXPORT(backward_columns);
HWY_EXPORT(finish_keys);

namespace {

// One piece a key head; where these are few, the columns of each are cut into several, each with its own dk and dv.
struct Cuts {
  int64_t heads, size, cuts, step;
  explicit Cuts(const AttentionShape& s) : heads(s.batch * s.groups), size(2 * s.keys * padded_depth(s)) {
    constexpr int64_t kPieces = 16;
    const int64_t chunks = std::max<int64_t>(1, (s.columns + kChunk - 1) / kChunk);
    cuts = std::clamp<int64_t>((kPieces + heads - 1) / std::max<int64_t>(heads, 1), 1, chunks);
    step = (chunks + cuts - 1) / cuts * kChunk;
  }
};

}  // namespace

int64_t attention_backward_scratch(const AttentionBackwardArgs& args) {
  if (args.q.dtype() != Dtype::f32) return 0;
  const AttentionShape s(args);
  const Cuts c(s);
  const int64_t at_once = std::min<int64_t>(c.heads * c.cuts, threads());
  const int64_t sums = c.size * (c.cuts > 1 ? c.heads * c.cuts : at_once);
  return (sums + at_once * BackwardScratch::size(s)) * static_cast<int64_t>(sizeof(float));
}

void attention_backward(const AttentionBackwardArgs& args) {
  if (args.q.dtype() != Dtype::f32) return ref::attention_backward(args);
  const AttentionShape s(args);
  const auto [heads, size, cuts, step] = Cuts(s);
  if (heads == 0) return;
  const Tensor parts = cuts > 1 ? empty({heads * cuts, size}) : Tensor();
  parallel_for(heads * cuts, 1, [&, heads = heads, size = size, cuts = cuts, step = step](int64_t piece, int64_t) {
    const int64_t head = piece / cuts, b = head / s.groups, g = head % s.groups;
    // When causal the last columns have the most work; they come first, which evens out the threads' work.
    const int64_t begin = (cuts - 1 - piece % cuts) * step;
    const Tensor scratch = empty({BackwardScratch::size(s)});
    const Tensor own = cuts > 1 ? Tensor() : empty({size});
    float* sums = cuts > 1 ? parts.data<float>() + piece * size : own.data<float>();
    std::fill_n(sums, size, 0.0f);
    HWY_DYNAMIC_DISPATCH(backward_columns)
    (args, s, b, g, begin, std::min(s.columns, begin + step), scratch.data<float>(), sums, sums + size / 2);
    if (cuts == 1) HWY_DYNAMIC_DISPATCH(finish_keys)(args, s, b, g, sums, 1);
  });
  if (cuts == 1) return;
  parallel_for(heads, 1, [&](int64_t head, int64_t) {
    HWY_DYNAMIC_DISPATCH(finish_keys)
    (args, s, head / s.groups, head % s.groups, parts.data<float>() + head * cuts * size, cuts);
  });
}

}  // namespace gradus::cpu
#endif
