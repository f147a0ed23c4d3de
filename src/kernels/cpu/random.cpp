#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/random.cpp"
#include "base/random.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/cpu/vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

using Words = hn::ScalableTag<uint32_t>;
using WordVec = hn::Vec<Words>;

// The upper and lower halves of x * by.
HWY_INLINE void multiply(WordVec x, uint32_t by, WordVec& high, WordVec& low) {
  const Words d;
#if HWY_TARGET == HWY_SCALAR  // one lane: nothing to pair it with
  const uint64_t product = uint64_t{hn::GetLane(x)} * by;
  high = hn::Set(d, static_cast<uint32_t>(product >> 32));
  low = hn::Set(d, static_cast<uint32_t>(product));
#else
  const hn::RepartitionToWide<Words> wide;
  const WordVec m = hn::Set(d, by);
  const auto even = hn::MulEven(x, m);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, x))), m);
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
#endif
}

struct Bits {
  WordVec a_high, a_low, b_high, b_low;  // the two 64-bit numbers of a philox block
};

// philox() of base/random.h for the indices first, first + 1, …, one a lane; their upper halves must agree.
HWY_INLINE Bits philox_lanes(const RandomKey& key, uint64_t first) {
  const Words d;
  WordVec c0 = hn::Iota(d, static_cast<uint32_t>(first)), c1 = hn::Set(d, static_cast<uint32_t>(first >> 32));
  WordVec c2 = hn::Set(d, static_cast<uint32_t>(key.stream)), c3 = hn::Set(d, static_cast<uint32_t>(key.stream >> 32));
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    WordVec h0, l0, h1, l1;
    multiply(c0, 0xD2511F53u, h0, l0);
    multiply(c2, 0xCD9E8D57u, h1, l1);
    c0 = hn::Xor(hn::Xor(h1, c1), hn::Set(d, k0));
    c2 = hn::Xor(hn::Xor(h0, c3), hn::Set(d, k1));
    c1 = l1;
    c3 = l0;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return {c1, c0, c3, c2};
}

// x as a float. In halves: conversions take signed numbers.
HWY_INLINE FloatVec number(WordVec x) {
  const Floats d;
  const hn::RebindToSigned<Words> di;
  const FloatVec upper = hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<16>(x)));
  const FloatVec lower = hn::ConvertTo(d, hn::BitCast(di, hn::And(x, hn::Set(Words(), 0xffffu))));
  return hn::MulAdd(upper, hn::Set(d, 65536.0f), lower);
}

// 2^-64 (high:low) to the precision of f32, however small.
HWY_INLINE FloatVec fraction(WordVec high, WordVec low) {
  const Floats d;
  return hn::MulAdd(number(low), hn::Set(d, 0x1p-64f), hn::Mul(number(high), hn::Set(d, 0x1p-32f)));
}

// Standard normal numbers (Box-Muller): sqrt(-2 ln u) cos(2 pi v), within a few units of the last place of
// RandomKey::normal.
HWY_INLINE FloatVec normal_lanes(const Bits& r) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const FloatVec one = hn::Set(d, 1.0f);
  // ln u = n ln 2 + ln(1 + f): u = 2^n (1 + f) when it is small, f = u - 1 from the complement of its bits when large.
  // RandomKey takes 53 bits and adds 2^-53: setting the other 11 comes to the same.
  const WordVec low = hn::Or(r.a_low, hn::Set(Words(), 0x7ffu));
  const FloatVec u = fraction(r.a_high, low), rest = fraction(hn::Not(r.a_high), hn::Not(low));
  const auto small = hn::Lt(u, hn::Set(d, 0.70710678f));
  const auto bits = hn::Sub(hn::BitCast(di, u), hn::Set(di, 0x3f3504f3));  // mantissa in [sqrt 1/2, sqrt 2)
  const auto exponent = hn::ShiftRight<23>(bits);
  const FloatVec mantissa = hn::BitCast(d, hn::Sub(hn::BitCast(di, u), hn::ShiftLeft<23>(exponent)));
  const FloatVec n = hn::IfThenElseZero(small, hn::ConvertTo(d, exponent));
  const FloatVec f = hn::IfThenElse(small, hn::Sub(mantissa, one), hn::Neg(rest));
  // ln(1 + f) = 2 artanh(s), s = f / (2 + f)
  const FloatVec s = hn::Div(f, hn::Add(f, hn::Set(d, 2.0f))), ss = hn::Mul(s, s);
  const FloatVec series = polynomial(d, ss, 2.0f, 2.0f / 3, 2.0f / 5, 2.0f / 7, 2.0f / 9);
  const FloatVec log_u = hn::MulAdd(n, hn::Set(d, 0.69314718f), hn::Mul(s, series));
  const FloatVec radius = hn::Sqrt(hn::Max(hn::Zero(d), hn::Mul(hn::Set(d, -2.0f), log_u)));
  // v - round(v) in [-1/2, 1/2) is the number read as a signed one; cos(2 pi v) = sin(2 pi (1/4 - |v|)), by its series
  const FloatVec v = hn::Mul(hn::ConvertTo(d, hn::BitCast(di, r.b_high)), hn::Set(d, 0x1p-32f));
  const FloatVec t = hn::Sub(hn::Set(d, 0.25f), hn::Abs(v));
  const FloatVec wave = polynomial(d, hn::Mul(t, t), 6.28318531f, -41.3417022f, 81.6052493f, -76.7058597f, 42.0586940f,
                                   -15.0946426f, 3.81995258f);
  return hn::Mul(radius, hn::Mul(t, wave));
}

// `index` is y[0]'s in the stream, a multiple of the piece size: the lanes of a vector never straddle 2^32.
void normal_range(const RandomKey& key, uint64_t index, float mean, float deviation, float* y, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < n; i += lanes) {
    const FloatVec z = normal_lanes(philox_lanes(key, index + i));
    store_some(hn::MulAdd(z, hn::Set(d, deviation), hn::Set(d, mean)), d, y + i, n - i < lanes ? n - i : lanes);
  }
}

void uniform_range(const RandomKey& key, uint64_t index, float low, float width, float* y, size_t n) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < n; i += lanes) {
    const Bits r = philox_lanes(key, index + i);
    const FloatVec u = hn::Mul(hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<8>(r.a_high))), hn::Set(d, 0x1p-24f));
    store_some(hn::MulAdd(u, hn::Set(d, width), hn::Set(d, low)), d, y + i, n - i < lanes ? n - i : lanes);
  }
}

// Keeps x where the 64 bits are at least `bound`.
void dropout_range(const RandomKey& key, uint64_t index, uint64_t bound, float scale, const float* x, float* y,
                   size_t n) {
  const Floats d;
  const Words du;
  const size_t lanes = hn::Lanes(d);
  const WordVec high = hn::Set(du, static_cast<uint32_t>(bound >> 32)), low = hn::Set(du, static_cast<uint32_t>(bound));
  for (size_t i = 0; i < n; i += lanes) {
    const size_t rest = n - i < lanes ? n - i : lanes;
    const Bits r = philox_lanes(key, index + i);
    const auto keep = hn::Or(hn::Gt(r.a_high, high), hn::AndNot(hn::Lt(r.a_low, low), hn::Eq(r.a_high, high)));
    const FloatVec v = hn::Mul(load_some(d, x + i, rest), hn::Set(d, scale));
    store_some(hn::IfThenElseZero(hn::RebindMask(d, keep), v), d, y + i, rest);
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(normal_range);
HWY_EXPORT(uniform_range);
HWY_EXPORT(dropout_range);

static_assert((uint64_t{1} << 32) % kCostlyGrain == 0, "pieces start where vectors may");

// Every number is a function of its index alone: pieces can be computed in any order.
void random(const RandomArgs& args) {
  if (!all_f32({args.y}) || !args.y.contiguous()) return ref::random(args);
  const bool normal = args.distribution == Distribution::normal;
  const auto range = normal ? HWY_DYNAMIC_DISPATCH(normal_range) : HWY_DYNAMIC_DISPATCH(uniform_range);
  parallel_for(args.y.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    range(args.key, static_cast<uint64_t>(begin), static_cast<float>(args.a),
          static_cast<float>(normal ? args.b : args.b - args.a), args.y.data<float>() + begin,
          static_cast<size_t>(end - begin));
  });
}

void dropout(const DropoutArgs& args) {
  if (!all_f32({args.x}) || !args.y.contiguous() || args.p == 1) return ref::dropout(args);
  const Tensor x = dense(args.x);
  const float scale = static_cast<float>(1 / (1 - args.p));
  // uniform(i) = (bits >> 11) 2^-53 >= p, compared as integers
  const uint64_t bound = static_cast<uint64_t>(std::ceil(args.p * 0x1p53)) << 11;
  const auto range = HWY_DYNAMIC_DISPATCH(dropout_range);
  parallel_for(x.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    range(args.key, static_cast<uint64_t>(begin), bound, scale, x.data<float>() + begin, args.y.data<float>() + begin,
          static_cast<size_t>(end - begin));
  });
}

}  // namespace gradus::cpu
#endif
