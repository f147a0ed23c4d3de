// Sorting by 32-bit keys whose order as numbers is the order wanted. A key and the place of its element make one 64-bit
// number: all are different, and sorting these is stable.
#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/sort.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// Keys of f32: the sign bit turns for positive numbers and all bits for negative ones. -0 becomes +0, every NaN the
// largest key. Descending order is that of the complements.
void float_keys(const float* x, uint32_t* keys, size_t n, bool descending) {
  const Floats d;
  const hn::RebindToUnsigned<Floats> du;
  const hn::RebindToSigned<Floats> di;
  const size_t lanes = hn::Lanes(d);
  const auto sign = hn::Set(du, 0x80000000u), flip = hn::Set(du, descending ? 0xffffffffu : 0u);
  const auto convert = [&](FloatVec v) HWY_ATTR {
    auto bits = hn::BitCast(du, v);  // numbers would not do: denormal ones count as zero here
    bits = hn::IfThenZeroElse(hn::Eq(bits, sign), bits);
    const auto spread = hn::BitCast(du, hn::ShiftRight<31>(hn::BitCast(di, bits)));
    const auto key = hn::Xor(bits, hn::Or(spread, sign));
    return hn::Xor(hn::Or(key, hn::VecFromMask(du, hn::RebindMask(du, hn::IsNaN(v)))), flip);
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(convert(hn::LoadU(d, x + i)), du, keys + i);
  if (i < n) {
    HWY_ALIGN uint32_t rest[hn::MaxLanes(du)];
    hn::Store(convert(load_some(d, x + i, n - i)), du, rest);
    for (size_t k = 0; i < n; ++i, ++k) keys[i] = rest[k];
  }
}

// The first place from `begin` on whose key is less than `bound`; n when there is none.
size_t first_below(const uint32_t* keys, size_t begin, size_t n, uint32_t bound) {
  const hn::ScalableTag<int32_t> d;  // signed comparison of keys whose sign bit is turned
  const size_t lanes = hn::Lanes(d);
  const auto sign = hn::Set(d, static_cast<int32_t>(0x80000000u));
  const auto limit = hn::Xor(hn::Set(d, static_cast<int32_t>(bound)), sign);
  size_t i = begin;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::Xor(hn::LoadU(d, reinterpret_cast<const int32_t*>(keys) + i), sign);
    if (!hn::AllFalse(d, hn::Lt(v, limit))) break;
  }
  while (i < n && keys[i] >= bound) ++i;
  return i;
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <limits>
#include <vector>

#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(float_keys);
HWY_EXPORT(first_below);

namespace {

constexpr int64_t kRadix = 256, kDigits = 4;
using Counts = std::array<std::array<uint32_t, kRadix>, kDigits>;

uint32_t digit_of(uint64_t entry, int digit) { return static_cast<uint32_t>(entry >> (32 + 8 * digit)) & 0xff; }

// Two rows of entries, which change places with every pass.
struct Buffers {
  std::vector<uint32_t> keys;
  std::vector<uint64_t> entries, other;
  explicit Buffers(int64_t n) : keys(static_cast<size_t>(n)), entries(keys.size()), other(keys.size()) {}
};

// Sorts by the four digits of the key, the lowest first; a digit that all share costs nothing.
void sort_by_digits(std::vector<uint64_t>& entries, std::vector<uint64_t>& other, size_t n) {
  Counts counts{};
  for (size_t i = 0; i < n; ++i)
    for (int digit = 0; digit < kDigits; ++digit) ++counts[static_cast<size_t>(digit)][digit_of(entries[i], digit)];
  for (int digit = 0; digit < kDigits; ++digit) {
    auto& count = counts[static_cast<size_t>(digit)];
    if (count[digit_of(entries[0], digit)] == n) continue;
    uint32_t start = 0;
    for (uint32_t& c : count) {
      const uint32_t here = c;
      c = start;
      start += here;
    }
    for (size_t i = 0; i < n; ++i) other[count[digit_of(entries[i], digit)]++] = entries[i];
    entries.swap(other);
  }
}

// The same for one long row: pieces count their digits, and each knows where its entries of a digit begin.
void sort_in_pieces(std::vector<uint64_t>& entries, std::vector<uint64_t>& other, int64_t n) {
  const int64_t grain = std::max<int64_t>(kCheapGrain, (n + 15) / 16), pieces = (n + grain - 1) / grain;
  std::vector<std::array<uint32_t, kRadix>> counts(static_cast<size_t>(pieces));
  for (int digit = 0; digit < kDigits; ++digit) {
    parallel_for(n, grain, [&](int64_t begin, int64_t end) {
      auto& count = counts[static_cast<size_t>(begin / grain)];
      count.fill(0);
      for (int64_t i = begin; i < end; ++i) ++count[digit_of(entries[static_cast<size_t>(i)], digit)];
    });
    uint32_t start = 0, largest = 0;
    for (size_t value = 0; value < kRadix; ++value) {
      const uint32_t before = start;
      for (auto& count : counts) {
        const uint32_t here = count[value];
        count[value] = start;
        start += here;
      }
      largest = std::max(largest, start - before);
    }
    if (largest == n) continue;
    parallel_for(n, grain, [&](int64_t begin, int64_t end) {
      auto& count = counts[static_cast<size_t>(begin / grain)];
      for (int64_t i = begin; i < end; ++i) {
        const uint64_t entry = entries[static_cast<size_t>(i)];
        other[count[digit_of(entry, digit)]++] = entry;
      }
    });
    entries.swap(other);
  }
}

constexpr int64_t kFew = 96;                // up to here comparing is faster
constexpr int64_t kLong = 4 * kCheapGrain;  // from here on a row is shared out

void sort_entries(Buffers& b, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    b.entries[static_cast<size_t>(i)] =
        static_cast<uint64_t>(b.keys[static_cast<size_t>(i)]) << 32 | static_cast<uint64_t>(i);
  if (n <= kFew)
    std::sort(b.entries.begin(), b.entries.begin() + n);
  else if (n < kLong)
    sort_by_digits(b.entries, b.other, static_cast<size_t>(n));
  else
    sort_in_pieces(b.entries, b.other, n);
}

template <class T>
bool write_keys(const T* x, uint32_t* keys, int64_t n, bool descending) {
  const uint32_t flip = descending ? 0xffffffffu : 0;
  if constexpr (std::is_same_v<T, float>) {
    HWY_DYNAMIC_DISPATCH(float_keys)(x, keys, static_cast<size_t>(n), descending);
  } else if constexpr (std::is_same_v<T, f16> || std::is_same_v<T, bf16>) {
    std::vector<float> wide(x, x + n);
    HWY_DYNAMIC_DISPATCH(float_keys)(wide.data(), keys, static_cast<size_t>(n), descending);
  } else if constexpr (std::is_same_v<T, int64_t>) {
    // Numbers that lie close enough together are told apart by their distance from the least.
    const auto [low, high] = std::minmax_element(x, x + n);
    const uint64_t least = static_cast<uint64_t>(*low);
    if (static_cast<uint64_t>(*high) - least > std::numeric_limits<uint32_t>::max()) return false;
    for (int64_t i = 0; i < n; ++i) keys[i] = static_cast<uint32_t>(static_cast<uint64_t>(x[i]) - least) ^ flip;
  } else {
    const uint32_t sign = std::is_signed_v<T> ? 0x80000000u : 0;
    for (int64_t i = 0; i < n; ++i) keys[i] = static_cast<uint32_t>(x[i]) ^ sign ^ flip;
  }
  return true;
}

template <class T>
void write_sorted(const T* x, const std::vector<uint64_t>& entries, T* values, int64_t* index, int64_t begin,
                  int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const auto place = static_cast<int64_t>(entries[static_cast<size_t>(i)] & 0xffffffffu);
    index[i] = place;
    if (values) values[i] = x[place];
  }
}

// False when a row has no keys of 32 bits.
template <class T>
bool sort_rows(const SortArgs& args, const T* x, int64_t n) {
  T* values = args.values.defined() ? args.values.data<T>() : nullptr;
  int64_t* index = args.index.data<int64_t>();
  const int64_t rows = args.x.count() / n;
  if (n >= kLong) {
    Buffers b(n);
    for (int64_t i = 0; i < rows; ++i) {
      if (!write_keys(x + i * n, b.keys.data(), n, args.descending)) return false;
      sort_entries(b, n);
      parallel_for(n, kCostlyGrain, [&](int64_t begin, int64_t end) {
        write_sorted(x + i * n, b.entries, values ? values + i * n : nullptr, index + i * n, begin, end);
      });
    }
    return true;
  }
  std::atomic<bool> fits{true};
  parallel_for(rows, rows_for(kCostlyGrain, n), [&](int64_t begin, int64_t end) {
    Buffers b(n);
    for (int64_t i = begin; i < end; ++i) {
      if (!write_keys(x + i * n, b.keys.data(), n, args.descending)) {
        fits = false;
        return;
      }
      sort_entries(b, n);
      write_sorted(x + i * n, b.entries, values ? values + i * n : nullptr, index + i * n, 0, n);
    }
  });
  return fits;
}

constexpr int64_t kShort = 16;  // up to here a list is kept sorted by moving its entries

// The k <= kShort entries of the least keys, sorted, at the front of b.entries.
void few_least_entries(Buffers& b, int64_t n, int64_t k) {
  const auto few = static_cast<size_t>(k), all = static_cast<size_t>(n);
  const auto find = HWY_DYNAMIC_DISPATCH(first_below);
  uint64_t* kept = b.entries.data();
  size_t size = 0;
  const auto insert = [&](uint64_t entry) {
    size_t at = size;
    for (; at > 0 && kept[at - 1] > entry; --at) kept[at] = kept[at - 1];
    kept[at] = entry;
  };
  const auto entry = [&](size_t i) { return static_cast<uint64_t>(b.keys[i]) << 32 | i; };
  for (size_t i = 0; i < few; ++i, ++size) insert(entry(i));
  --size;  // from here on the last one makes room
  const auto bound = [&] { return static_cast<uint32_t>(kept[size] >> 32); };
  for (size_t i = find(b.keys.data(), few, all, bound()); i < all; i = find(b.keys.data(), i + 1, all, bound()))
    insert(entry(i));
}

// The k entries of the least keys, sorted, at the front of b.entries. Keys that do not lie below the k-th least so far
// are passed over in vectors; the others are kept until there are so many that most can go.
void least_entries(Buffers& b, int64_t n, int64_t k) {
  const auto few = static_cast<size_t>(k), room = std::max<size_t>(2 * few, few + 64);
  const auto find = HWY_DYNAMIC_DISPATCH(first_below);
  auto& kept = b.entries;
  size_t size = 0;
  const auto entry = [&](size_t i) { return static_cast<uint64_t>(b.keys[i]) << 32 | i; };
  for (size_t i = 0; i < few; ++i) kept[size++] = entry(i);
  uint32_t bound = *std::max_element(b.keys.begin(), b.keys.begin() + k);
  for (size_t i = find(b.keys.data(), few, static_cast<size_t>(n), bound); i < static_cast<size_t>(n);
       i = find(b.keys.data(), i + 1, static_cast<size_t>(n), bound)) {
    kept[size++] = entry(i);
    if (size < room) continue;
    std::nth_element(kept.begin(), kept.begin() + k - 1, kept.begin() + static_cast<int64_t>(size));
    size = few;
    bound = static_cast<uint32_t>(kept[few - 1] >> 32);
  }
  if (size > few) std::nth_element(kept.begin(), kept.begin() + k - 1, kept.begin() + static_cast<int64_t>(size));
  std::sort(kept.begin(), kept.begin() + k);
}

}  // namespace

void sort(const SortArgs& args) {
  const int64_t n = args.x.shape().back();
  if (args.x.count() == 0) return;
  const bool fits = args.x.dtype() != Dtype::f64 && n <= std::numeric_limits<uint32_t>::max();
  if (!fits) return ref::sort(args);
  const Tensor x = dense(args.x);
  const bool sorted = dispatch_all(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_same_v<T, double>)
      return false;
    else
      return sort_rows(args, x.data<T>(), n);
  });
  if (!sorted) ref::sort(args);
}

void topk(const TopkArgs& args) {
  const int64_t n = args.x.shape().back(), k = args.index.shape().back();
  if (!all_f32({args.x}) || n > std::numeric_limits<uint32_t>::max()) return ref::topk(args);
  const Tensor x = dense(args.x);
  parallel_for(x.count() / n, rows_for(kCheapGrain, n), [&](int64_t begin, int64_t end) {
    Buffers b(n);
    for (int64_t i = begin; i < end; ++i) {
      const float* row = x.data<float>() + i * n;
      HWY_DYNAMIC_DISPATCH(float_keys)(row, b.keys.data(), static_cast<size_t>(n), args.largest);
      if (k <= kShort)
        few_least_entries(b, n, k);
      else if (3 * k + 64 < n)
        least_entries(b, n, k);
      else
        sort_entries(b, n);
      write_sorted(row, b.entries, args.values.data<float>() + i * k, args.index.data<int64_t>() + i * k, 0, k);
    }
  });
}

}  // namespace gradus::cpu
#endif
