#include "kernels/cpu/attention.h"

#include <cmath>
#include <type_traits>

#include "base/parallel.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd.h"
#include "kernels/ref/ref.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/tile.h"
#include "kernels/cpu/vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// The running softmax of one panel of columns: top = max of the scores so far, total = sum of 2^(score - top).
// Scores (rows, kTileColumns) become probabilities; returns by what the results so far shrink.
template <int V>
HWY_INLINE void soften(float* scores, int64_t rows, float* top, float* total, float* shrink) {
  const Floats d;
  FloatVec m[V], sum[V];
  for (int v = 0; v < V; ++v) {
    m[v] = hn::LoadU(d, top + v * kLanes);
    sum[v] = hn::Zero(d);
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int v = 0; v < V; ++v) m[v] = hn::Max(m[v], hn::LoadU(d, scores + r * kTileColumns + v * kLanes));
  FloatVec shift[V];
  for (int v = 0; v < V; ++v) {
    // A column that has seen nothing keeps top = -inf; its probabilities must be 2^(-inf - 0) = 0, not 2^(inf - inf).
    shift[v] = hn::IfThenZeroElse(hn::Eq(m[v], hn::Neg(hn::Inf(d))), m[v]);
    const FloatVec alpha = exp2_nonpositive(d, hn::Sub(hn::LoadU(d, top + v * kLanes), shift[v]));
    hn::StoreU(alpha, d, shrink + v * kLanes);
    hn::StoreU(m[v], d, top + v * kLanes);
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int v = 0; v < V; ++v) {
      float* at = scores + r * kTileColumns + v * kLanes;
      const FloatVec p = exp2_nonpositive(d, hn::Sub(hn::LoadU(d, at), shift[v]));
      sum[v] = hn::Add(sum[v], p);
      hn::StoreU(p, d, at);
    }
  for (int v = 0; v < V; ++v) {
    float* l = total + v * kLanes;
    hn::StoreU(hn::MulAdd(hn::LoadU(d, l), hn::LoadU(d, shrink + v * kLanes), sum[v]), d, l);
  }
}

// s becomes c tanh(s / c).
inline void cap_scores(float* scores, int64_t rows, int64_t width, float cap) {
  const Floats d;
  const FloatVec c = hn::Set(d, cap);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t x = 0; x < width; x += kLanes) {
      float* at = scores + r * kTileColumns + x;
      hn::StoreU(hn::Mul(c, tanh(d, hn::Div(hn::LoadU(d, at), c))), d, at);
    }
}

// -inf at the keys that a column does not see.
inline void hide(const AttentionShape& s, const Sight& sight, int64_t b, int64_t key, int64_t rows, int64_t column,
                 int64_t width, float* scores) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const FloatVec hidden = hn::Neg(hn::Inf(d));
  for (int64_t r = 0; r < rows; ++r) {
    const bool padding = s.mask && !s.mask[b * s.mask_b + (key + r) * s.mask_t];
    const auto j = hn::Set(di, static_cast<int32_t>(key + r));
    for (int64_t c = 0; c < width; c += kLanes) {
      float* at = scores + r * kTileColumns + c;
      const auto outside =
          hn::Or(hn::Lt(j, hn::LoadU(di, sight.low + column + c)), hn::Gt(j, hn::LoadU(di, sight.high + column + c)));
      hn::StoreU(padding ? hidden : hn::IfThenElse(hn::RebindMask(d, outside), hidden, hn::LoadU(d, at)), d, at);
    }
  }
}

// One block of columns of key head g against all the keys it sees.
// scratch: D x 64 scaled queries, D x 64 results, both in panels of kTileColumns; rows of queries; scores.
void attend(const AttentionArgs& args, const AttentionShape& s, int64_t b, int64_t g, int64_t start, float* scratch) {
  const Floats d;
  const HeadView q(args.q), k(args.k), v(args.v), o(args.o);
  const int64_t width = std::min(kColumnBlock, s.columns - start);
  const int64_t padded = (width + kLanes - 1) / kLanes * kLanes;
  float* queries = scratch;
  float* results = queries + kColumnBlock * s.depth;
  float* rows = results + kColumnBlock * s.depth;
  float* scores = rows + kColumnBlock * s.depth;
  HWY_ALIGN float top[kColumnBlock], total[kColumnBlock], shrink[kColumnBlock];
  std::fill_n(top, kColumnBlock, -std::numeric_limits<float>::infinity());
  std::fill_n(total, kColumnBlock, 0.0f);
  std::fill_n(queries, 2 * kColumnBlock * s.depth, 0.0f);

  // Scores in units of ln 2, so that exp becomes 2^x.
  for (int64_t c = 0; c < width; ++c) {
    scale_row(q.at(b, s.query(start + c), s.head(g, start + c)), q.d, s.scale * kLog2E, s.depth, rows + c * s.depth, 1);
  }
  for (int64_t c = 0; c < width; c += kTileColumns)
    transpose(rows + c * s.depth, s.depth, std::min(kTileColumns, width - c), s.depth, queries + c * s.depth,
              kTileColumns);

  const Sight sight(s, b, start, width);
  for (int64_t key = sight.begin; key < sight.end; key += kKeyBlock) {
    const int64_t block = std::min(kKeyBlock, sight.end - key);
    const bool partly = s.mask || key < sight.all_low || key + block - 1 > sight.all_high;
    for (int64_t c = 0; c < padded; c += kTileColumns) {
      const int64_t columns = std::min(kTileColumns, padded - c);
      const int64_t reach = sight.reach(key, block, c, c + columns);
      if (reach == 0) continue;
      multiply({.rows = reach,
                .columns = columns,
                .depth = s.depth,
                .a = k.at(b, key, g),
                .a_row = k.t,
                .a_depth = k.d,
                .b = queries + c * s.depth,
                .ldb = kTileColumns,
                .c = scores,
                .ldc = kTileColumns,
                .add = false});
      if (s.softcap > 0) cap_scores(scores, reach, columns, s.softcap);
      if (partly) hide(s, sight, b, key, reach, c, columns, scores);
      if (columns == kTileColumns)
        soften<2>(scores, reach, top + c, total + c, shrink + c);
      else
        soften<1>(scores, reach, top + c, total + c, shrink + c);
      float* result = results + c * s.depth;
      for (int64_t x = 0; x < s.depth; ++x)
        for (int64_t lane = 0; lane < columns; lane += kLanes) {
          float* at = result + x * kTileColumns + lane;
          hn::StoreU(hn::Mul(hn::LoadU(d, at), hn::LoadU(d, shrink + c + lane)), d, at);
        }
      multiply({.rows = s.depth,
                .columns = columns,
                .depth = reach,
                .a = v.at(b, key, g),
                .a_row = v.d,
                .a_depth = v.t,
                .b = scores,
                .ldb = kTileColumns,
                .c = result,
                .ldc = kTileColumns,
                .add = true});
    }
  }

  for (int64_t c = 0; c < width; c += kTileColumns)
    transpose(results + c * s.depth, kTileColumns, s.depth, std::min(kTileColumns, width - c), rows + c * s.depth,
              s.depth);
  float* lse = args.lse.data<float>();
  for (int64_t c = 0; c < width; ++c) {
    const int64_t i = s.query(start + c), h = s.head(g, start + c);
    const bool blind = top[c] == -std::numeric_limits<float>::infinity();
    const float factor = blind ? 0.0f : 1.0f / total[c];
    scale_row(rows + c * s.depth, 1, factor, s.depth, o.at(b, i, h), o.d);
    lse[(b * s.heads + h) * s.queries + i] = blind ? top[c] : top[c] * kLn2 + std::log(total[c]);
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::cpu {
HWY_EXPORT(attend);

namespace {
constexpr int64_t kBlocksAPiece = 2;
int64_t numbers_of_a_piece(const AttentionShape& s) { return 3 * kColumnBlock * s.depth + kKeyBlock * kColumnBlock; }
}  // namespace

int64_t attention_scratch(const AttentionArgs& args) {
  if (args.q.dtype() != Dtype::f32) return 0;
  const AttentionShape s(args);
  if (s.queries == 1) return attention_step_scratch(s);
  const int64_t blocks = s.batch * s.groups * ((s.columns + kColumnBlock - 1) / kColumnBlock);
  const int64_t pieces = (blocks + kBlocksAPiece - 1) / kBlocksAPiece;
  return std::min<int64_t>(pieces, threads()) * numbers_of_a_piece(s) * static_cast<int64_t>(sizeof(float));
}

void attention(const AttentionArgs& args) {
  if (args.q.dtype() != Dtype::f32) return ref::attention(args);
  const AttentionShape s(args);
  if (s.batch * s.columns * s.groups == 0) return;
  if (s.queries == 1) return attention_step(args, s);
  const int64_t blocks = (s.columns + kColumnBlock - 1) / kColumnBlock;
  parallel_for(s.batch * s.groups * blocks, kBlocksAPiece, [&](int64_t begin, int64_t end) {
    const Tensor scratch = empty({numbers_of_a_piece(s)});
    for (int64_t i = begin; i < end; ++i) {
      // The last blocks see the most keys when causal; they come first, which evens out the threads' work.
      const int64_t block = blocks - 1 - i % blocks;
      HWY_DYNAMIC_DISPATCH(attend)
      (args, s, i / blocks / s.groups, i / blocks % s.groups, block * kColumnBlock, scratch.data<float>());
    }
  });
}

}  // namespace gradus::cpu
#endif
