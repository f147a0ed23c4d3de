#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/table.h"

// What the two halves of the tiled attention share: how a problem is cut.
//
// For one batch row and one key head, the queries of all the heads that read it are put side by side: column c is query
// c % Tq of head c / Tq. What a column sees of the keys is an interval [low, high] (document start, causality, window)
// minus the padding mask. Scores are held transposed, keys down and columns across, so that a softmax runs down a
// column: vector lanes are columns and nothing is ever reduced across lanes. Dao, "FlashAttention-2", 2023, algorithms
// 1 and 2.
namespace gradus::cpu {

constexpr int64_t kColumnBlock = 64;  // columns worked on together
constexpr int64_t kKeyBlock = 64;     // keys worked on together

constexpr float kLog2E = 1.44269504088896340736f, kLn2 = 0.69314718055994530942f;

/// A (B, T, heads, D) view of f32.
struct HeadView {
  float* data;
  int64_t b, t, h, d;
  explicit HeadView(const Tensor& x)
      : data(x.data<float>()), b(x.strides()[0]), t(x.strides()[1]), h(x.strides()[2]), d(x.strides()[3]) {}
  float* at(int64_t bi, int64_t ti, int64_t hi) const { return data + bi * b + ti * t + hi * h; }
};

struct AttentionShape {
  int64_t batch, queries, keys, heads, groups, depth, shared, columns;
  bool causal;
  int64_t window;
  float scale, softcap;  // softcap in units of ln 2, as the scores
  const int32_t* first = nullptr;
  int64_t first_b = 0, first_t = 0;
  const bool* mask = nullptr;
  int64_t mask_b = 0, mask_t = 0;

  template <class Args>
  explicit AttentionShape(const Args& a)
      : batch(a.q.shape()[0]),
        queries(a.q.shape()[1]),
        keys(a.k.shape()[1]),
        heads(a.q.shape()[2]),
        groups(a.k.shape()[2]),
        depth(a.q.shape()[3]),
        shared(groups == 0 ? 0 : heads / groups),
        columns(shared * queries),
        causal(a.causal),
        window(a.window),
        scale(static_cast<float>(a.scale)),
        softcap(static_cast<float>(a.softcap) * kLog2E) {
    if (a.first.defined()) {
      first = a.first.template data<int32_t>();
      first_b = a.first.strides()[0], first_t = a.first.strides()[1];
    }
    if (a.mask.defined()) {
      mask = a.mask.template data<bool>();
      mask_b = a.mask.strides()[0], mask_t = a.mask.strides()[1];
    }
  }

  int64_t head(int64_t g, int64_t column) const { return g * shared + column / queries; }
  int64_t query(int64_t column) const { return column % queries; }
};

/// The keys that a block of columns sees.
struct Sight {
  int32_t low[kColumnBlock], high[kColumnBlock];  // of each column; empty when low > high
  int64_t begin, end;                             // all columns together
  int64_t all_low, all_high;                      // keys in [all_low, all_high] are seen by every column

  /// `width` columns from `start`; columns up to kColumnBlock repeat the last one.
  Sight(const AttentionShape& s, int64_t b, int64_t start, int64_t width) {
    begin = s.keys, end = 0, all_low = 0, all_high = s.keys - 1;
    for (int64_t c = 0; c < kColumnBlock; ++c) {
      const int64_t i = s.query(start + std::min(c, width - 1));
      const int64_t own = i + s.keys - s.queries;
      int64_t l = s.first ? std::max<int64_t>(0, s.first[b * s.first_b + i * s.first_t]) : 0;
      int64_t h = s.causal ? std::min(s.keys - 1, own) : s.keys - 1;
      if (s.window > 0) l = std::max(l, own - s.window + 1), h = std::min(h, own + s.window - 1);
      low[c] = static_cast<int32_t>(l), high[c] = static_cast<int32_t>(h);
      begin = std::min(begin, l), end = std::max(end, h + 1);
      all_low = std::max(all_low, l), all_high = std::min(all_high, h);
    }
  }

  /// How many of the `rows` keys from `key` on columns [c0, c1) can see, counted from the first.
  int64_t reach(int64_t key, int64_t rows, int64_t c0, int64_t c1) const {
    return std::clamp<int64_t>(*std::max_element(high + c0, high + c1) + 1 - key, 0, rows);
  }
};

/// Attention of a single query a head: what it computes, and the working memory that takes.
void attention_step(const AttentionArgs& args, const AttentionShape& s);
int64_t attention_step_scratch(const AttentionShape& s);

/// Columns of the backward pass whose operands are packed together: they stay in the second-level cache while all keys
/// pass by.
constexpr int64_t kChunk = 512;

inline int64_t padded_depth(const AttentionShape& s) { return (s.depth + 15) / 16 * 16; }

/// The memory that one piece of the backward pass works in.
struct BackwardScratch {
  float *q, *d_o;            // (chunk, padded depth)
  float *q_t, *do_t, *dq_t;  // panels of (depth, kTileColumns); q_t scaled
  float *lse, *delta;        // (chunk), lse in units of ln 2
  float *p, *ds;             // (kKeyBlock, kColumnBlock)
  static int64_t size(const AttentionShape& s) {
    return kChunk * (2 * padded_depth(s) + 3 * s.depth + 2) + 2 * kKeyBlock * kColumnBlock;
  }
  BackwardScratch(const AttentionShape& s, float* at) {
    const auto take = [&](int64_t n) {
      float* here = at;
      at += n;
      return here;
    };
    q = take(kChunk * padded_depth(s)), d_o = take(kChunk * padded_depth(s));
    q_t = take(kChunk * s.depth), do_t = take(kChunk * s.depth), dq_t = take(kChunk * s.depth);
    lse = take(kChunk), delta = take(kChunk);
    p = take(kKeyBlock * kColumnBlock), ds = take(kKeyBlock * kColumnBlock);
  }
};

}  // namespace gradus::cpu
