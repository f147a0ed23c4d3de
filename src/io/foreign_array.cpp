#include "io/foreign_array.h"

#include <cstring>

#include "base/error.h"

namespace gradus {

namespace {

struct Element {
  ForeignElement element;
  const char *torch, *numpy;
  Dtype dtype;
  size_t bytes;
};
constexpr Element kElements[] = {
    {ForeignElement::f64, "torch.DoubleStorage", "<f8", Dtype::f64, 8},
    {ForeignElement::f32, "torch.FloatStorage", "<f4", Dtype::f32, 4},
    {ForeignElement::f16, "torch.HalfStorage", "<f2", Dtype::f16, 2},
    {ForeignElement::bf16, "torch.BFloat16Storage", "bfloat16", Dtype::bf16, 2},
    {ForeignElement::i64, "torch.LongStorage", "<i8", Dtype::i64, 8},
    {ForeignElement::i32, "torch.IntStorage", "<i4", Dtype::i32, 4},
    {ForeignElement::i16, "torch.ShortStorage", "<i2", Dtype::i32, 2},
    {ForeignElement::i8, "torch.CharStorage", "|i1", Dtype::i32, 1},
    {ForeignElement::u32, "", "<u4", Dtype::i64, 4},
    {ForeignElement::u16, "", "<u2", Dtype::i32, 2},
    {ForeignElement::u8, "torch.ByteStorage", "|u1", Dtype::u8, 1},
    {ForeignElement::boolean, "torch.BoolStorage", "|b1", Dtype::boolean, 1},
};

const Element& element_of(ForeignElement e) {
  for (const Element& known : kElements)
    if (known.element == e) return known;
  throw ValueError("load", "an array has no element type.");
}

template <class From, class To>
void gather(const ForeignArray& a, const char* from, To* to) {
  Shape index = Shape::filled(a.shape.rank(), 0);
  int64_t at = a.offset;
  for (int64_t i = 0; i < a.shape.count(); ++i) {
    From value;
    std::memcpy(&value, from + static_cast<size_t>(at) * sizeof(From), sizeof(From));
    to[i] = static_cast<To>(value);
    for (int axis = a.shape.rank() - 1; axis >= 0; --axis) {
      at += a.strides[axis];
      if (++index[axis] < a.shape[axis]) break;
      at -= a.shape[axis] * a.strides[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace

ForeignElement foreign_element(const std::string& type) {
  for (const Element& known : kElements)
    if ((*known.torch && type == known.torch) || type == known.numpy) return known.element;
  return ForeignElement::none;
}
Dtype dtype_of_element(ForeignElement e) { return element_of(e).dtype; }
size_t bytes_of_element(ForeignElement e) { return element_of(e).bytes; }

void place_foreign(ForeignArray& a, int64_t offset, const std::vector<int64_t>& sizes,
                   const std::vector<int64_t>& strides, const std::string& what) {
  const auto fail = [&](const std::string& how) {
    throw FileError("load", what + " " + how, "the file is damaged; fetch it again.");
  };
  if (sizes.size() != strides.size()) fail("has another number of strides than of sizes.");
  if (sizes.size() > Shape::kMaxRank) fail("has " + std::to_string(sizes.size()) + " axes; at most 8 are possible.");
  if (offset < 0) fail("begins before its storage.");
  const auto elements = static_cast<int64_t>(a.bytes / bytes_of_element(a.element));
  int64_t reach = offset, count = 1;
  bool empty_array = false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    int64_t extent = 0;
    if (sizes[i] < 0 || strides[i] < 0) fail("has a negative size or stride.");
    // A stride of 0 repeats elements: a few bytes could ask for any amount of memory.
    if (sizes[i] > 1 && strides[i] == 0) fail("repeats its elements by a stride of 0.");
    if (__builtin_mul_overflow(count, sizes[i], &count)) fail("has an impossible size.");
    if (sizes[i] == 0) empty_array = true;
    if (sizes[i] > 0 &&
        (__builtin_mul_overflow(sizes[i] - 1, strides[i], &extent) || __builtin_add_overflow(reach, extent, &reach)))
      fail("has an impossible size.");
    a.shape.push_back(sizes[i]);
    a.strides.push_back(strides[i]);
  }
  a.offset = offset;
  if (empty_array) return;
  if (reach >= elements) fail("reaches beyond the " + std::to_string(elements) + " elements of its storage.");
  if (count > elements) fail("has more elements than its storage.");
}

Tensor copy_foreign(const ForeignArray& a, std::string_view storage) {
  const Tensor y = empty(a.shape, dtype_of_element(a.element));
  if (y.count() == 0) return y;
  const char* from = storage.data();
  switch (a.element) {
    case ForeignElement::f64: gather<double>(a, from, y.data<double>()); break;
    case ForeignElement::f32: gather<float>(a, from, y.data<float>()); break;
    case ForeignElement::f16:
    case ForeignElement::bf16: gather<uint16_t>(a, from, static_cast<uint16_t*>(y.raw())); break;
    case ForeignElement::i64: gather<int64_t>(a, from, y.data<int64_t>()); break;
    case ForeignElement::i32: gather<int32_t>(a, from, y.data<int32_t>()); break;
    case ForeignElement::i16: gather<int16_t>(a, from, y.data<int32_t>()); break;
    case ForeignElement::i8: gather<int8_t>(a, from, y.data<int32_t>()); break;
    case ForeignElement::u32: gather<uint32_t>(a, from, y.data<int64_t>()); break;
    case ForeignElement::u16: gather<uint16_t>(a, from, y.data<int32_t>()); break;
    case ForeignElement::u8: gather<uint8_t>(a, from, y.data<uint8_t>()); break;
    default:  // any byte may stand in the file, only 0 and 1 in a bool
      gather<uint8_t>(a, from, y.data<uint8_t>());
      for (int64_t i = 0; i < y.count(); ++i) y.data<uint8_t>()[i] = y.data<uint8_t>()[i] != 0;
  }
  return y;
}

Tensor load_foreign(const ForeignArray& a, const Ref<Mapping>& mapping) {
  const std::string_view storage = mapping->bytes().substr(a.begin, a.bytes);
  const Dtype dtype = dtype_of_element(a.element);
  const bool same = size_of(dtype) == bytes_of_element(a.element) && dtype != Dtype::boolean;
  const bool dense = a.strides == contiguous_strides(a.shape) || a.shape.count() == 1;
  if (!same || !dense || a.shape.count() == 0 || reinterpret_cast<uintptr_t>(storage.data()) % size_of(dtype) != 0)
    return copy_foreign(a, storage);
  return Tensor(make_ref<Storage>(storage.data(), storage.size(), mapping), dtype, a.shape, contiguous_strides(a.shape),
                a.offset);
}

}  // namespace gradus
