// Attention of one query a head, as in decoding: the tiles of attention.cpp would be empty but for one column. The keys
// are cut into pieces, each with a softmax of its own; the pieces' results are weighed against each other at the end.
#include <cmath>

#include "base/parallel.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention_step.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/tile.h"
#include "kernels/cpu/vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// s becomes c tanh(s / c).
inline void cap_row(float* scores, int64_t n, float cap) {
  const Floats d;
  const FloatVec c = hn::Set(d, cap);
  for (int64_t i = 0; i < n; i += kLanes)
    hn::StoreU(hn::Mul(c, tanh(d, hn::Div(hn::LoadU(d, scores + i), c))), d, scores + i);
}

// Scores become 2^(score - top); returns their sum. n is a multiple of kLanes.
inline float soften_row(float* scores, int64_t n, float top) {
  const Floats d;
  const FloatVec shift = hn::Set(d, top);
  FloatVec sum = hn::Zero(d);
  for (int64_t i = 0; i < n; i += kLanes) {
    const FloatVec p = exp2_nonpositive(d, hn::Sub(hn::LoadU(d, scores + i), shift));
    sum = hn::Add(sum, p);
    hn::StoreU(p, d, scores + i);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// y = sum_r p_r v_r over `rows` rows of `depth` numbers.
inline void weigh_rows(const float* p, int64_t rows, const float* v, int64_t row, int64_t step, int64_t depth,
                       float* y) {
  const Floats d;
  int64_t x = 0;
  const auto strip = [&](auto vectors) HWY_ATTR {
    constexpr int V = decltype(vectors)::value;
    for (; step == 1 && x + V * kLanes <= depth; x += V * kLanes) {
      FloatVec sum[V];
      for (int i = 0; i < V; ++i) sum[i] = hn::Zero(d);
      for (int64_t r = 0; r < rows; ++r) {
        const FloatVec by = hn::Set(d, p[r]);
        const float* at = v + r * row + x;
        for (int i = 0; i < V; ++i) sum[i] = hn::MulAdd(by, hn::LoadU(d, at + i * kLanes), sum[i]);
      }
      for (int i = 0; i < V; ++i) hn::StoreU(sum[i], d, y + x + i * kLanes);
    }
  };
  strip(std::integral_constant<int, 8>());
  strip(std::integral_constant<int, 2>());
  for (; x < depth; ++x) {
    float sum = 0;
    for (int64_t r = 0; r < rows; ++r) sum += p[r] * v[r * row + x * step];
    y[x] = sum;
  }
}

// The heads of group g against the keys [begin, end), at most kKeyBlock of them. `part` receives for each head what its
// softmax gives (D), the largest score in units of ln 2, and the sum of 2^(score - largest).
void attend_piece(const AttentionArgs& args, const AttentionShape& s, int64_t b, int64_t g, int64_t begin, int64_t end,
                  float* part) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  const HeadView q(args.q), k(args.k), v(args.v);
  const int64_t keys = end - begin;
  HWY_ALIGN float scores[kKeyBlock];
  for (int64_t h = 0; h < s.shared; ++h, part += s.depth + 2) {
    // Scores in units of ln 2, so that exp becomes 2^x.
    scale_row(q.at(b, 0, g * s.shared + h), q.d, s.scale * kLog2E, s.depth, part, 1);
    std::fill_n(scores, kKeyBlock, kNone);
    for (int64_t j = 0; j < keys; ++j) scores[j] = dot_row(k.at(b, begin + j, g), k.d, part, s.depth);
    if (s.softcap > 0) cap_row(scores, kKeyBlock, s.softcap);
    for (int64_t j = 0; j < kKeyBlock; ++j)
      if (j >= keys || (s.mask && !s.mask[b * s.mask_b + (begin + j) * s.mask_t])) scores[j] = kNone;
    const float top = *std::max_element(scores, scores + keys);
    part[s.depth] = top;
    if (top == kNone) {
      std::fill_n(part, s.depth, 0.0f);
      part[s.depth + 1] = 0;
      continue;
    }
    part[s.depth + 1] = soften_row(scores, kKeyBlock, top);
    weigh_rows(scores, keys, v.at(b, begin, g), v.t, v.d, s.depth, part);
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::cpu {
HWY_EXPORT(attend_piece);

namespace {

// The keys that the only query of row b sees.
struct Reach {
  int64_t begin, pieces, end;
  Reach(const AttentionShape& s, int64_t b) : begin(s.first ? std::max(0, s.first[b * s.first_b]) : 0), end(s.keys) {
    if (s.window > 0) begin = std::max(begin, s.keys - s.window);
    pieces = begin < end ? (end - begin + kKeyBlock - 1) / kKeyBlock : 0;
  }
};

}  // namespace

int64_t attention_step_scratch(const AttentionShape& s) {
  return s.batch * s.groups * ((s.keys + kKeyBlock - 1) / kKeyBlock) * s.shared * (s.depth + 2) *
         static_cast<int64_t>(sizeof(float));
}

void attention_step(const AttentionArgs& args, const AttentionShape& s) {
  const int64_t most = (s.keys + kKeyBlock - 1) / kKeyBlock, row = s.depth + 2;
  const Tensor parts = empty({s.batch * s.groups * most, s.shared * row});
  float* part = parts.data<float>();
  parallel_for(s.batch * s.groups * most, 2, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / most / s.groups, piece = i % most;
      const Reach reach(s, b);
      if (piece >= reach.pieces) continue;
      const int64_t first = reach.begin + piece * kKeyBlock;
      HWY_DYNAMIC_DISPATCH(attend_piece)
      (args, s, b, i / most % s.groups, first, std::min(reach.end, first + kKeyBlock), part + i * s.shared * row);
    }
  });
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  const HeadView o(args.o);
  float* lse = args.lse.data<float>();
  for (int64_t b = 0; b < s.batch; ++b) {
    const int64_t pieces = Reach(s, b).pieces;
    for (int64_t h = 0; h < s.heads; ++h) {
      const float* mine = part + ((b * s.groups + h / s.shared) * most * s.shared + h % s.shared) * row;
      const int64_t next = s.shared * row;
      float top = kNone, total = 0;
      for (int64_t i = 0; i < pieces; ++i) top = std::max(top, mine[i * next + s.depth]);
      float* y = o.at(b, 0, h);
      for (int64_t x = 0; x < s.depth; ++x) y[x * o.d] = 0;
      lse[b * s.heads + h] = top;
      if (top == kNone) continue;
      for (int64_t i = 0; i < pieces; ++i) {
        const float* from = mine + i * next;
        const float weight = std::exp2(from[s.depth] - top);
        total += weight * from[s.depth + 1];
        for (int64_t x = 0; x < s.depth; ++x) y[x * o.d] += weight * from[x];
      }
      for (int64_t x = 0; x < s.depth; ++x) y[x * o.d] /= total;
      lse[b * s.heads + h] = top * kLn2 + std::log(total);
    }
  }
}

}  // namespace gradus::cpu
#endif
