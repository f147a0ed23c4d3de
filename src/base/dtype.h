#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/half.h"

namespace gradus {

/// Element types. The names (`f32`, `i64`, …) are those that printing, configs and errors use.
enum class Dtype : uint8_t { f64, f32, f16, bf16, i64, i32, u8, boolean };

size_t size_of(Dtype dtype);
const char* name_of(Dtype dtype);
/// Accepts our names and the spellings of Hugging Face configs ("float32", "torch.bfloat16") and safetensors ("F32").
/// Throws ValueError for anything else.
Dtype dtype_from_name(const std::string& name);

constexpr bool is_floating(Dtype d) { return d <= Dtype::bf16; }
constexpr bool is_integer(Dtype d) { return d >= Dtype::i64 && d <= Dtype::u8; }

/// Promotion of two tensor operands: bool < u8 < i32 < i64 < {f16, bf16} < f32 < f64;
/// f16 with bf16 gives f32 (neither holds the other).
Dtype promote(Dtype a, Dtype b);

/// The type sums run in: f64 for f64, f32 for the other floating types, i64 for integers.
constexpr Dtype accumulator_of(Dtype d) {
  return d == Dtype::f64 ? Dtype::f64 : is_floating(d) ? Dtype::f32 : Dtype::i64;
}

template <class T>
struct dtype_of_t;
template <>
struct dtype_of_t<double> {
  static constexpr Dtype value = Dtype::f64;
};
template <>
struct dtype_of_t<float> {
  static constexpr Dtype value = Dtype::f32;
};
template <>
struct dtype_of_t<f16> {
  static constexpr Dtype value = Dtype::f16;
};
template <>
struct dtype_of_t<bf16> {
  static constexpr Dtype value = Dtype::bf16;
};
template <>
struct dtype_of_t<int64_t> {
  static constexpr Dtype value = Dtype::i64;
};
template <>
struct dtype_of_t<int32_t> {
  static constexpr Dtype value = Dtype::i32;
};
template <>
struct dtype_of_t<uint8_t> {
  static constexpr Dtype value = Dtype::u8;
};
template <>
struct dtype_of_t<bool> {
  static constexpr Dtype value = Dtype::boolean;
};
template <class T>
constexpr Dtype dtype_of = dtype_of_t<T>::value;

/// The accumulator as a C++ type.
template <class T>
struct accumulator {
  using type = int64_t;
};
template <>
struct accumulator<double> {
  using type = double;
};
template <>
struct accumulator<float> {
  using type = float;
};
template <>
struct accumulator<f16> {
  using type = float;
};
template <>
struct accumulator<bf16> {
  using type = float;
};
template <class T>
using accumulator_t = typename accumulator<T>::type;

[[noreturn]] void throw_unsupported_dtype(const char* op, Dtype dtype);

/// Calls `f(T{})` with the C++ type of `dtype`.
template <class F>
decltype(auto) dispatch_all(Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::f64: return f(double{});
    case Dtype::f32: return f(float{});
    case Dtype::f16: return f(gradus::f16{});
    case Dtype::bf16: return f(gradus::bf16{});
    case Dtype::i64: return f(int64_t{});
    case Dtype::i32: return f(int32_t{});
    case Dtype::u8: return f(uint8_t{});
    case Dtype::boolean: break;
  }
  return f(bool{});
}

/// As dispatch_all, for floating types only; throws DtypeError naming `op` otherwise.
template <class F>
decltype(auto) dispatch_floating(const char* op, Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::f64: return f(double{});
    case Dtype::f32: return f(float{});
    case Dtype::f16: return f(gradus::f16{});
    case Dtype::bf16: return f(gradus::bf16{});
    default: throw_unsupported_dtype(op, dtype);
  }
}

/// As dispatch_all, for i32 and i64 only (index operands); throws DtypeError naming `op` otherwise.
template <class F>
decltype(auto) dispatch_index(const char* op, Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::i64: return f(int64_t{});
    case Dtype::i32: return f(int32_t{});
    default: throw_unsupported_dtype(op, dtype);
  }
}

}  // namespace gradus
