// The parser of foreign bytes, apart from everything that touches files.
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/safetensors.h"

namespace gradus {

namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // as the reference implementation

struct DtypeName {
  const char* name;
  Dtype dtype;
};
constexpr DtypeName kDtypes[] = {{"F64", Dtype::f64},   {"F32", Dtype::f32},     {"F16", Dtype::f16},
                                 {"BF16", Dtype::bf16}, {"I64", Dtype::i64},     {"I32", Dtype::i32},
                                 {"U8", Dtype::u8},     {"BOOL", Dtype::boolean}};

std::string shown(const std::string& name) {
  constexpr size_t kLongest = 200;  // foreign text: keep messages readable
  return "\"" + (name.size() > kLongest ? name.substr(0, kLongest) + "…" : name) + "\"";
}

// Receives the JSON as events and fills the header, so that a hostile header costs no more memory than its size.
class HeaderReader {
 public:
  HeaderReader(SafetensorsHeader& out, const std::string& file) : out_(out), file_(file) {}

  bool null() { return refuse("null"); }
  bool boolean(bool) { return refuse("a boolean"); }
  bool number_integer(int64_t v) { return refuse(("the negative number " + std::to_string(v)).c_str()); }
  bool number_float(double, const std::string& text) { return refuse(("the number " + text.substr(0, 40)).c_str()); }
  bool binary(std::vector<uint8_t>&) { return refuse("binary data"); }

  bool number_unsigned(uint64_t v) {
    if (place_ == Place::shape) {
      if (v > (uint64_t{1} << 62)) fail("has the size " + std::to_string(v) + " in its shape, which is impossible");
      if (tensor().shape.rank() == Shape::kMaxRank) fail("has more than the 8 axes that Gradus holds");
      tensor().shape.push_back(static_cast<int64_t>(v));
    } else if (place_ == Place::offsets) {
      if (offsets_ == 2) fail("has more than two data_offsets");
      (offsets_ == 0 ? tensor().begin : tensor().end) = v;
      ++offsets_;
    } else {
      return refuse("a number");
    }
    return true;
  }

  bool string(std::string& text) {
    if (place_ == Place::metadata) {
      out_.metadata.emplace_back(key_, std::move(text));
    } else if (place_ == Place::tensor && key_ == "dtype") {
      const auto* known =
          std::find_if(std::begin(kDtypes), std::end(kDtypes), [&](const DtypeName& d) { return text == d.name; });
      if (known == std::end(kDtypes))
        fail("has the dtype " + shown(text), "convert it to one of F64, F32, F16, BF16, I64, I32, U8, BOOL.");
      tensor().dtype = known->dtype;
      seen_ |= kSeenDtype;
    } else {
      return refuse("a string");
    }
    return true;
  }

  bool key(std::string& text) {
    key_ = std::move(text);
    if (place_ == Place::top) {
      if (key_ != "__metadata__") out_.tensors.push_back({key_});
      return true;
    }
    if (place_ == Place::metadata) return true;
    const int bit = key_ == "dtype"          ? kSeenDtype
                    : key_ == "shape"        ? kSeenShape
                    : key_ == "data_offsets" ? kSeenOffsets
                                             : 0;
    if (bit == 0) fail("has the field " + shown(key_) + ", expected dtype, shape and data_offsets");
    if (seen_ & bit) fail("has the field " + shown(key_) + " twice");
    return true;
  }

  bool start_object(size_t) {
    if (place_ == Place::outside) {
      place_ = Place::top;
    } else if (place_ == Place::top && key_ != "__metadata__") {
      place_ = Place::tensor, seen_ = 0;
    } else if (place_ == Place::top && !metadata_) {
      place_ = Place::metadata, metadata_ = true;
    } else {
      return refuse("an object");
    }
    return true;
  }

  bool end_object() {
    if (place_ == Place::tensor && seen_ != (kSeenDtype | kSeenShape | kSeenOffsets))
      fail("lacks one of dtype, shape and data_offsets");
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }

  bool start_array(size_t) {
    if (place_ == Place::tensor && key_ == "shape")
      place_ = Place::shape, seen_ |= kSeenShape;
    else if (place_ == Place::tensor && key_ == "data_offsets")
      place_ = Place::offsets, seen_ |= kSeenOffsets, offsets_ = 0;
    else
      return refuse("an array");
    return true;
  }

  bool end_array() {
    if (place_ == Place::offsets && offsets_ != 2) fail("needs two data_offsets");
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(size_t at, const std::string&, const nlohmann::detail::exception& e) {
    throw FileError("safetensors",
                    file_ + ": the header is no valid JSON (byte " + std::to_string(at) + "): " + e.what() + ".",
                    "the file is damaged; fetch it again.");
  }

 private:
  enum class Place { outside, top, metadata, tensor, shape, offsets };
  static constexpr int kSeenDtype = 1, kSeenShape = 2, kSeenOffsets = 4;

  TensorInfo& tensor() { return out_.tensors.back(); }

  [[noreturn]] void fail(const std::string& what, const char* hint = "the file is damaged or no safetensors file.") {
    throw FileError("safetensors", file_ + ": tensor " + shown(tensor().name) + " " + what + ".", hint);
  }

  bool refuse(const char* what) {
    if (place_ == Place::tensor || place_ == Place::shape || place_ == Place::offsets)
      fail("has " + std::string(what) + " in " + shown(key_));
    throw FileError("safetensors",
                    file_ + ": the header holds " + what + (key_.empty() ? "" : " at " + shown(key_)) +
                        ", expected an object of tensors and string metadata.",
                    "the file is damaged or no safetensors file.");
  }

  SafetensorsHeader& out_;
  const std::string& file_;
  std::string key_;
  Place place_ = Place::outside;
  int seen_ = 0, offsets_ = 0;
  bool metadata_ = false;
};

// Bytes that shape and dtype ask for; false when they do not fit 62 bits.
bool expected_bytes(const TensorInfo& t, uint64_t& bytes) {
  bytes = size_of(t.dtype);
  bool fits = true, zero = false;
  for (const int64_t size : t.shape) {
    zero |= size == 0;
    fits = fits && !__builtin_mul_overflow(bytes, static_cast<uint64_t>(std::max<int64_t>(size, 1)), &bytes) &&
           bytes <= (uint64_t{1} << 62);
  }
  if (zero) bytes = 0;
  return fits;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view file, const std::string& name) {
  const auto fail = [&](const std::string& what, const char* hint) {
    throw FileError("safetensors", name + ": " + what, hint);
  };
  constexpr const char* kTruncated = "the file is truncated; fetch it again.";
  constexpr const char* kDamaged = "the file is damaged; fetch it again.";
  uint64_t length = 0;
  if (file.size() < sizeof(length))
    fail("has " + std::to_string(file.size()) + " bytes, a header needs at least 8.", kTruncated);
  std::memcpy(&length, file.data(), sizeof(length));
  if (length > kMaxHeader)
    fail("claims a header of " + std::to_string(length) + " bytes; at most 100000000 are allowed.",
         "is this a safetensors file?");
  if (length > file.size() - sizeof(length))
    fail("claims a header of " + std::to_string(length) + " bytes, but only " +
             std::to_string(file.size() - sizeof(length)) + " follow.",
         kTruncated);

  SafetensorsHeader header;
  header.data_begin = sizeof(length) + length;
  const std::string_view json = file.substr(sizeof(length), length);
  HeaderReader reader(header, name);
  nlohmann::ordered_json::sax_parse(json.begin(), json.end(), &reader);

  std::vector<TensorInfo>& tensors = header.tensors;
  std::vector<const TensorInfo*> names;
  for (const TensorInfo& t : tensors) names.push_back(&t);
  std::sort(names.begin(), names.end(), [](auto* a, auto* b) { return a->name < b->name; });
  const auto twin = std::adjacent_find(names.begin(), names.end(), [](auto* a, auto* b) { return a->name == b->name; });
  if (twin != names.end()) fail("the tensor " + shown((*twin)->name) + " stands twice in the header.", kDamaged);

  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  uint64_t at = 0;
  const uint64_t data = file.size() - header.data_begin;
  for (const TensorInfo& t : tensors) {
    const std::string where =
        "tensor " + shown(t.name) + " at bytes [" + std::to_string(t.begin) + ", " + std::to_string(t.end) + ")";
    uint64_t bytes = 0;
    if (t.begin > t.end) fail(where + " ends before it begins.", kDamaged);
    if (t.begin != at)
      fail(where +
               (t.begin < at ? " overlaps the one before, which ends at "
                             : " leaves a gap behind the one before, which ends at ") +
               std::to_string(at) + ".",
           kDamaged);
    if (!expected_bytes(t, bytes) || bytes != t.bytes())
      fail(where + " does not fit its shape " + t.shape.str() + " " + name_of(t.dtype) + ", which needs " +
               (expected_bytes(t, bytes) ? std::to_string(bytes) : "more than 2^62") + " bytes.",
           kDamaged);
    if (t.end > data) fail(where + " lies outside the " + std::to_string(data) + " bytes of data.", kTruncated);
    at = t.end;
  }
  if (at != data) fail(std::to_string(data - at) + " bytes follow the last tensor, expected none.", kDamaged);
  return header;
}

}  // namespace gradus
