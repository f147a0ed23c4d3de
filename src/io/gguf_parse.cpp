// The parser of foreign bytes, apart from everything that touches files.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "io/gguf.h"
#include "io/gguf_types.h"

namespace gradus {

namespace {

constexpr uint64_t kLongestKey = 65535;
constexpr int kDeepest = 4;  // arrays of arrays; the format sets no limit, no writer uses more than one level

size_t width_of(GgufType type) {
  switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean: return 1;
    case GgufType::u16:
    case GgufType::i16: return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32: return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64: return 8;
    default: return 0;
  }
}

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  [[noreturn]] void fail(const std::string& what, const char* hint = "the file is damaged; fetch it again.") const {
    throw FileError("gguf", name_ + ": " + what, hint);
  }
  std::string_view take(uint64_t n, const std::string& what) {
    if (n > bytes_.size() - at_)
      fail(what + " needs " + std::to_string(n) + " bytes at " + std::to_string(at_) + ", but only " +
               std::to_string(bytes_.size() - at_) + " follow.",
           "the file is truncated; fetch it again.");
    const std::string_view out = bytes_.substr(at_, n);
    at_ += n;
    return out;
  }
  template <class T>
  T number(const std::string& what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }
  std::string_view string(const std::string& what) { return take(number<uint64_t>(what), what); }
  size_t at() const { return at_; }
  std::string_view since(size_t begin) const { return bytes_.substr(begin, at_ - begin); }
  size_t left() const { return bytes_.size() - at_; }

  GgufType type(const std::string& what) {
    const auto value = number<uint32_t>(what);
    if (value > static_cast<uint32_t>(GgufType::f64))
      fail(what + " has the type " + std::to_string(value) + ", which the format does not have.");
    return static_cast<GgufType>(value);
  }

  GgufField field() {
    const std::string_view key = string("a field's name");
    if (key.size() > kLongestKey) fail("a field's name has " + std::to_string(key.size()) + " bytes.");
    const std::string what = "the field \"" + std::string(key.substr(0, 200)) + "\"";
    const GgufType kind = type(what);
    if (kind != GgufType::array) {
      const size_t begin = at_;
      skip(kind, what);
      return GgufField(std::string(key), kind, since(begin));
    }
    const GgufType element = type(what);
    const auto count = number<uint64_t>(what);
    const size_t begin = at_;
    skip_elements(element, count, what, 1);
    return GgufField(std::string(key), kind, since(begin), element, count);
  }

 private:
  void skip(GgufType kind, const std::string& what) {
    if (kind == GgufType::string) {
      string(what);
    } else {
      const std::string_view value = take(width_of(kind), what);
      if (kind == GgufType::boolean && static_cast<unsigned char>(value[0]) > 1)
        fail(what + " is a truth value of " + std::to_string(static_cast<unsigned char>(value[0])) + ".");
    }
  }
  void skip_elements(GgufType element, uint64_t count, const std::string& what, int depth) {
    if (depth > kDeepest) fail(what + " nests arrays deeper than " + std::to_string(kDeepest) + ".");
    if (const size_t width = width_of(element)) {
      if (count > left() / width)
        fail(what + " claims " + std::to_string(count) + " elements, more than the file has.");
      take(count * width, what);
      return;
    }
    // Every string and array takes at least eight bytes.
    if (count > left() / 8) fail(what + " claims " + std::to_string(count) + " elements, more than the file has.");
    for (uint64_t i = 0; i < count; ++i) {
      if (element == GgufType::string) {
        string(what);
        continue;
      }
      const GgufType inner = type(what);
      const auto inner_count = number<uint64_t>(what);
      skip_elements(inner, inner_count, what, depth + 1);
    }
  }

  std::string_view bytes_;
  const std::string& name_;
  size_t at_ = 0;
};

// Sizes, type and place of one tensor.
StoredTensor read_tensor(Reader& reader, uint64_t& offset) {
  StoredTensor t;
  t.name = std::string(reader.string("a tensor's name"));
  if (t.name.size() > kLongestKey) reader.fail("a tensor's name has " + std::to_string(t.name.size()) + " bytes.");
  const std::string what = "the tensor \"" + t.name.substr(0, 200) + "\"";
  const auto rank = reader.number<uint32_t>(what);
  if (rank > Shape::kMaxRank) reader.fail(what + " has " + std::to_string(rank) + " axes; at most 8 are possible.");
  uint64_t sizes[Shape::kMaxRank], count = 1;
  for (uint32_t axis = 0; axis < rank; ++axis) {
    sizes[axis] = reader.number<uint64_t>(what);
    if (__builtin_mul_overflow(count, sizes[axis], &count) || count > (uint64_t{1} << 60) ||
        sizes[axis] > (uint64_t{1} << 60))
      reader.fail(what + " has an impossible size.");
  }
  for (uint32_t axis = rank; axis > 0; --axis) t.shape.push_back(static_cast<int64_t>(sizes[axis - 1]));
  const auto type = reader.number<uint32_t>(what);
  const GgufTensorType* known = gguf_tensor_type(type);
  if (!known)
    reader.fail(what + " is of type " + std::to_string(type) + ", which Gradus does not read.",
                "it reads F32, F16, BF16, F64, I32, I64, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K.");
  t.dtype = known->dtype;
  t.quant = known->quant;
  t.stored_type = known->name;
  const uint64_t row = rank > 0 ? sizes[0] : 1, block = static_cast<uint64_t>(known->block);
  if (row % block != 0)
    reader.fail(what + " has rows of " + std::to_string(row) + " numbers, no whole blocks of " + std::to_string(block) +
                " (" + known->name + ").");
  t.bytes = count / block * static_cast<uint64_t>(known->bytes);
  offset = reader.number<uint64_t>(what);
  return t;
}

}  // namespace

GgufHeader parse_gguf(std::string_view file, const std::string& name) {
  Reader reader(file, name);
  GgufHeader header;
  if (reader.take(4, "the mark \"GGUF\"") != "GGUF")
    reader.fail("does not begin with \"GGUF\".", "is this a GGUF file?");
  header.version = reader.number<uint32_t>("the version");
  if (header.version != 2 && header.version != 3)
    reader.fail("is of version " + std::to_string(header.version) + "; versions 2 and 3 are read.",
                "convert it anew with a current tool (big-endian files are not read).");
  const auto tensors = reader.number<uint64_t>("the number of tensors"),
             fields = reader.number<uint64_t>("the number of fields");
  // The smallest field takes 13 bytes, the smallest tensor 24.
  if (fields > reader.left() / 13) reader.fail("claims " + std::to_string(fields) + " fields, more than it can hold.");
  if (tensors > reader.left() / 24)
    reader.fail("claims " + std::to_string(tensors) + " tensors, more than it can hold.");

  for (uint64_t i = 0; i < fields; ++i) header.fields.push_back(reader.field());
  std::vector<std::string_view> names;
  const auto refuse_twins = [&](const char* what) {
    std::sort(names.begin(), names.end());
    const auto twin = std::adjacent_find(names.begin(), names.end());
    if (twin != names.end())
      reader.fail(std::string(what) + " \"" + std::string(twin->substr(0, 200)) + "\" stands twice.");
    names.clear();
  };
  for (const GgufField& f : header.fields) {
    names.push_back(f.key());
    if (f.key() != "general.alignment") continue;
    const int64_t alignment = f.integer();
    if (alignment < 1 || alignment > (1 << 24) || (alignment & (alignment - 1)) != 0)
      reader.fail("general.alignment is " + std::to_string(alignment) + ", expected a power of two.");
    header.alignment = static_cast<uint64_t>(alignment);
  }
  refuse_twins("the field");

  header.offsets.resize(tensors);
  for (uint64_t i = 0; i < tensors; ++i) header.tensors.push_back(read_tensor(reader, header.offsets[i]));
  for (const StoredTensor& t : header.tensors) names.push_back(t.name);
  refuse_twins("the tensor");

  const uint64_t data = (reader.at() + header.alignment - 1) / header.alignment * header.alignment;
  for (uint64_t i = 0; i < tensors; ++i) {
    const StoredTensor& t = header.tensors[i];
    const std::string what = "the tensor \"" + t.name.substr(0, 200) + "\" of " + std::to_string(t.bytes) +
                             " bytes at " + std::to_string(header.offsets[i]);
    if (header.offsets[i] % header.alignment != 0)
      reader.fail(what + " is not aligned to " + std::to_string(header.alignment) + ".");
    if (data > file.size() || header.offsets[i] > file.size() - data ||
        t.bytes > file.size() - data - header.offsets[i])
      reader.fail(what + " lies outside the " + std::to_string(file.size()) + " bytes of the file.",
                  "the file is truncated; fetch it again.");
    header.offsets[i] += data;
  }
  std::vector<size_t> order(tensors);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(header.offsets[a], header.tensors[a].bytes) <
           std::pair(header.offsets[b], header.tensors[b].bytes);
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const StoredTensor &before = header.tensors[order[i - 1]], &t = header.tensors[order[i]];
    if (header.offsets[order[i - 1]] + before.bytes > header.offsets[order[i]])
      reader.fail("the tensors \"" + before.name.substr(0, 200) + "\" and \"" + t.name.substr(0, 200) + "\" overlap.");
  }
  return header;
}

}  // namespace gradus
