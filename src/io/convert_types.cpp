#include "io/convert_types.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "io/gguf_model.h"

namespace gradus {

TargetType target_type(const std::string& name, bool packed) {
  if (name == "f32" || name == "float32" || name == "F32") return {Dtype::f32, {}};
  const QuantFormat format = quant_format_from_name(name);
  if (format == QuantFormat::f16) return {Dtype::f16, {}};
  if (format == QuantFormat::bf16) return {Dtype::bf16, {}};
  if (!packed)
    throw ValueError("convert", "safetensors files hold floats, not " + name + ".",
                     "name a destination that ends in .gguf, or choose f32, f16 or bf16.");
  return {Dtype::f32, format};
}

TargetType gguf_type_of(const StoredTensor& t, const std::string& name, TargetType wanted) {
  if (!is_floating(t.dtype)) return {t.dtype, {}};
  if (t.shape.rank() < 2) return {Dtype::f32, {}};
  if (!wanted.quant) return wanted;
  // Tables that are added, not multiplied by.
  if (name.starts_with("position_embd") || name.starts_with("token_types")) return {Dtype::f32, {}};
  const auto fits = [&](QuantFormat f) { return t.shape.back() % layout_of(f).block == 0; };
  if (fits(*wanted.quant)) return wanted;
  QuantFormat next = QuantFormat::q8_0;
  switch (*wanted.quant) {
    case QuantFormat::q2_k:
    case QuantFormat::q3_k: next = QuantFormat::q4_0; break;
    case QuantFormat::q4_k: next = QuantFormat::q5_0; break;
    case QuantFormat::q5_k: next = QuantFormat::q5_1; break;
    default: break;
  }
  return fits(next) ? TargetType{Dtype::f32, next} : TargetType{Dtype::f16, {}};
}

namespace {

// Floats of rows [begin, end) of a matrix with rows of `width`.
void rows_as_floats(const Tensor& x, int64_t begin, int64_t end, int64_t width, float* to) {
  dispatch_all(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* from = x.data<T>() + begin * width;
    for (int64_t i = 0; i < (end - begin) * width; ++i) to[i] = static_cast<float>(from[i]);
  });
}

}  // namespace

void convert_bytes(const Tensor& x, TargetType type, const std::string& name, void* context, ByteSink sink) {
  if (x.count() == 0) return;
  if (!type.quant && type.dtype == x.dtype()) return sink(context, x.raw(), x.bytes());
  const int64_t width = x.rank() == 0 ? 1 : x.shape().back(), rows = x.count() / width;
  constexpr int64_t kPiece = int64_t{1} << 20;  // numbers
  const int64_t at_once = std::max<int64_t>(1, kPiece / width);
  const int64_t row_bytes = type.quant ? width / layout_of(*type.quant).block * layout_of(*type.quant).bytes
                                       : width * static_cast<int64_t>(size_of(type.dtype));
  const Tensor floats = empty({std::min(at_once, rows) * width}),
               bytes = empty({std::min(at_once, rows) * row_bytes}, Dtype::u8);
  for (int64_t first = 0; first < rows; first += at_once) {
    const int64_t last = std::min(rows, first + at_once);
    rows_as_floats(x, first, last, width, floats.data<float>());
    auto* to = reinterpret_cast<std::byte*>(bytes.data<uint8_t>());
    if (type.quant)
      for (int64_t i = 0; i < (last - first) * width; ++i)
        if (!std::isfinite(floats.data<float>()[i]))
          throw ValueError("convert", "the tensor \"" + name + "\" holds a number that is not finite; blocks cannot.",
                           "choose f16, bf16 or f32.");
    parallel_for(last - first, 16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const float* from = floats.data<float>() + r * width;
        std::byte* out = to + r * row_bytes;
        if (type.quant)
          quantize(*type.quant, from, width, out);
        else if (type.dtype == Dtype::f16)
          quantize(QuantFormat::f16, from, width, out);
        else if (type.dtype == Dtype::bf16)
          quantize(QuantFormat::bf16, from, width, out);
        else
          std::copy(from, from + width, reinterpret_cast<float*>(out));
      }
    });
    sink(context, bytes.raw(), static_cast<size_t>((last - first) * row_bytes));
  }
}

Tensor arranged_for_gguf(const Tensor& x, GgufChange change, int64_t heads, const std::string& name) {
  if (change == GgufChange::none || x.rank() == 0 || x.count() == 0) return x;
  const Tensor y =
      empty(change == GgufChange::transpose && x.rank() == 2 ? Shape{x.size(1), x.size(0)} : x.shape(), x.dtype());
  if (change == GgufChange::transpose || change == GgufChange::add_one) {
    dispatch_all(x.dtype(), [&](auto tag) {
      using T = decltype(tag);
      const T* from = x.data<T>();
      T* to = y.data<T>();
      if (change == GgufChange::add_one)
        for (int64_t i = 0; i < x.count(); ++i) to[i] = static_cast<T>(static_cast<double>(from[i]) + 1.0);
      else
        for (int64_t i = 0; i < x.size(0); ++i)
          for (int64_t j = 0; j < x.count() / x.size(0); ++j)
            to[j * x.size(0) + i] = from[i * (x.count() / x.size(0)) + j];
    });
    return y;
  }
  if (heads < 1 || x.size(0) % (2 * heads) != 0)
    throw FileError("convert",
                    "the " + std::to_string(x.size(0)) + " rows of \"" + name + "\" are no " + std::to_string(heads) +
                        " heads of even size.",
                    "is config.json of the same model as the weights?");
  permute_rows(static_cast<const std::byte*>(x.raw()), static_cast<std::byte*>(y.raw()), x.size(0), heads,
               x.bytes() / static_cast<size_t>(x.size(0)), true);
  return y;
}

}  // namespace gradus
