#include "io/gguf.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "io/gguf_types.h"

namespace gradus {

namespace {

constexpr GgufTensorType kTensorTypes[] = {
    {0, "F32", Dtype::f32, {}, 1, 4},
    {1, "F16", Dtype::f16, {}, 1, 2},
    {2, "Q4_0", Dtype::f32, QuantFormat::q4_0, 32, 18},
    {3, "Q4_1", Dtype::f32, QuantFormat::q4_1, 32, 20},
    {6, "Q5_0", Dtype::f32, QuantFormat::q5_0, 32, 22},
    {7, "Q5_1", Dtype::f32, QuantFormat::q5_1, 32, 24},
    {8, "Q8_0", Dtype::f32, QuantFormat::q8_0, 32, 34},
    {10, "Q2_K", Dtype::f32, QuantFormat::q2_k, 256, 84},
    {11, "Q3_K", Dtype::f32, QuantFormat::q3_k, 256, 110},
    {12, "Q4_K", Dtype::f32, QuantFormat::q4_k, 256, 144},
    {13, "Q5_K", Dtype::f32, QuantFormat::q5_k, 256, 176},
    {14, "Q6_K", Dtype::f32, QuantFormat::q6_k, 256, 210},
    {26, "I32", Dtype::i32, {}, 1, 4},
    {27, "I64", Dtype::i64, {}, 1, 8},
    {28, "F64", Dtype::f64, {}, 1, 8},
    {30, "BF16", Dtype::bf16, {}, 1, 2},
};

template <class T>
T read(const char* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}
template <class T>
std::string_view raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

bool is_integer_type(GgufType t) {
  return t != GgufType::f32 && t != GgufType::f64 && t != GgufType::boolean && t != GgufType::string &&
         t != GgufType::array;
}
size_t width_of_scalar(GgufType t) {
  switch (t) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean: return 1;
    case GgufType::u16:
    case GgufType::i16: return 2;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64: return 8;
    default: return 4;
  }
}
int64_t integer_at(GgufType t, const char* p) {
  switch (t) {
    case GgufType::u8: return read<uint8_t>(p);
    case GgufType::i8: return read<int8_t>(p);
    case GgufType::u16: return read<uint16_t>(p);
    case GgufType::i16: return read<int16_t>(p);
    case GgufType::u32: return read<uint32_t>(p);
    case GgufType::i32: return read<int32_t>(p);
    default: return read<int64_t>(p);  // u64 above 2^63 is no size that anything has: it shows as negative
  }
}
double number_at(GgufType t, const char* p) {
  return t == GgufType::f32   ? read<float>(p)
         : t == GgufType::f64 ? read<double>(p)
                              : static_cast<double>(integer_at(t, p));
}

}  // namespace

const GgufTensorType* gguf_tensor_type(uint32_t number) {
  for (const GgufTensorType& t : kTensorTypes)
    if (t.number == number) return &t;
  return nullptr;
}
const GgufTensorType& gguf_tensor_type(QuantFormat format) {
  if (format == QuantFormat::f16) return *gguf_tensor_type(Dtype::f16);
  if (format == QuantFormat::bf16) return *gguf_tensor_type(Dtype::bf16);
  return *std::find_if(std::begin(kTensorTypes), std::end(kTensorTypes), [&](auto& t) { return t.quant == format; });
}
const GgufTensorType* gguf_tensor_type(Dtype dtype) {
  for (const GgufTensorType& t : kTensorTypes)
    if (!t.quant && t.dtype == dtype) return &t;
  return nullptr;
}

const char* name_of(GgufType type) {
  constexpr const char* kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                    "bool", "string", "array", "u64", "i64", "f64"};
  return kNames[static_cast<size_t>(type)];
}

GgufField GgufField::of_integer(std::string key, uint32_t value) {
  GgufField f(std::move(key), GgufType::u32, {});
  f.own_ = raw(value);
  return f;
}
GgufField GgufField::of_number(std::string key, float value) {
  GgufField f(std::move(key), GgufType::f32, {});
  f.own_ = raw(value);
  return f;
}
GgufField GgufField::of_flag(std::string key, bool value) {
  GgufField f(std::move(key), GgufType::boolean, {});
  f.own_ = std::string(1, value ? '\1' : '\0');
  return f;
}
GgufField GgufField::of_text(std::string key, std::string_view value) {
  GgufField f(std::move(key), GgufType::string, {});
  f.own_ = std::string(raw(uint64_t{value.size()})) + std::string(value);
  return f;
}
GgufField GgufField::of_texts(std::string key, const std::vector<std::string_view>& values) {
  GgufField f(std::move(key), GgufType::array, {}, GgufType::string, values.size());
  for (const std::string_view v : values) {
    f.own_ += raw(uint64_t{v.size()});
    f.own_ += v;
  }
  return f;
}
GgufField GgufField::of_integers(std::string key, const std::vector<int32_t>& values) {
  GgufField f(std::move(key), GgufType::array, {}, GgufType::i32, values.size());
  f.own_.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int32_t));
  return f;
}
GgufField GgufField::of_numbers(std::string key, const std::vector<float>& values) {
  GgufField f(std::move(key), GgufType::array, {}, GgufType::f32, values.size());
  f.own_.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return f;
}

void GgufField::wrong(const char* expected) const {
  throw FileError("gguf",
                  "the field \"" + key_.substr(0, 200) + "\" is " + (is_array() ? "an array of " : "") +
                      name_of(is_array() ? element_ : type_) + ", expected " + expected + ".",
                  "was the file written by another program's old version?");
}
int64_t GgufField::integer() const {
  if (!is_integer_type(type_)) wrong("an integer");
  return integer_at(type_, bytes().data());
}
double GgufField::number() const {
  if (!is_integer_type(type_) && type_ != GgufType::f32 && type_ != GgufType::f64) wrong("a number");
  return number_at(type_, bytes().data());
}
bool GgufField::flag() const {
  if (type_ != GgufType::boolean) wrong("a truth value");
  return bytes()[0] != 0;
}
std::string_view GgufField::text() const {
  if (type_ != GgufType::string) wrong("a string");
  return bytes().substr(sizeof(uint64_t));
}
std::vector<std::string_view> GgufField::texts() const {
  if (!is_array() || element_ != GgufType::string) wrong("an array of strings");
  std::vector<std::string_view> out;
  out.reserve(count_);
  std::string_view rest = bytes();
  for (uint64_t i = 0; i < count_; ++i) {
    const auto length = read<uint64_t>(rest.data());
    out.push_back(rest.substr(sizeof(uint64_t), length));
    rest.remove_prefix(sizeof(uint64_t) + length);
  }
  return out;
}
std::vector<int64_t> GgufField::integers() const {
  if (!is_array() || !(is_integer_type(element_) || element_ == GgufType::boolean)) wrong("an array of integers");
  std::vector<int64_t> out;
  const bool flags = element_ == GgufType::boolean;
  for (uint64_t i = 0; i < count_; ++i)
    out.push_back(integer_at(flags ? GgufType::u8 : element_, bytes().data() + i * width_of_scalar(element_)));
  return out;
}
std::vector<double> GgufField::numbers() const {
  if (!is_array() || !(is_integer_type(element_) || element_ == GgufType::f32 || element_ == GgufType::f64))
    wrong("an array of numbers");
  std::vector<double> out;
  for (uint64_t i = 0; i < count_; ++i)
    out.push_back(number_at(element_, bytes().data() + i * width_of_scalar(element_)));
  return out;
}

Gguf::Gguf(const std::filesystem::path& path) : path_(path.string()), mapping_(make_ref<Mapping>(path)) {
  header_ = parse_gguf(mapping_->bytes(), path_);
}

const GgufField* Gguf::field(std::string_view key) const {
  for (const GgufField& f : header_.fields)
    if (f.key() == key) return &f;
  return nullptr;
}
const GgufField& Gguf::require(std::string_view key) const {
  if (const GgufField* f = field(key)) return *f;
  throw FileError("gguf", path_ + ": lacks the field \"" + std::string(key) + "\".",
                  "gradus inspect lists its fields.");
}

std::string_view Gguf::bytes_of(size_t index) const {
  return mapping_->bytes().substr(header_.offsets.at(index), header_.tensors[index].bytes);
}

Tensor Gguf::load(size_t index) const {
  const StoredTensor& t = header_.tensors.at(index);
  const std::string_view bytes = bytes_of(index);
  if (!t.quant) {
    if (bytes.empty() || reinterpret_cast<uintptr_t>(bytes.data()) % size_of(t.dtype) != 0) {
      const Tensor copy = empty(t.shape, t.dtype);
      if (!bytes.empty()) std::memcpy(copy.raw(), bytes.data(), bytes.size());
      return copy;
    }
    return Tensor(make_ref<Storage>(bytes.data(), bytes.size(), mapping_), t.dtype, t.shape,
                  contiguous_strides(t.shape));
  }
  const Tensor y = empty(t.shape);
  dequantize(*t.quant, reinterpret_cast<const std::byte*>(bytes.data()), t.shape.count(), y.data<float>());
  return y;
}

QuantTensor Gguf::packed(size_t index) const {
  const StoredTensor& t = header_.tensors.at(index);
  std::optional<QuantFormat> format = t.quant;
  if (!format && t.dtype == Dtype::f16) format = QuantFormat::f16;
  if (!format && t.dtype == Dtype::bf16) format = QuantFormat::bf16;
  if (!format || t.shape.rank() != 2) return {};
  const std::string_view bytes = bytes_of(index);
  return QuantTensor(make_ref<Storage>(bytes.data(), bytes.size(), mapping_), *format, t.shape[0], t.shape[1]);
}

}  // namespace gradus
