#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "io/foreign_array.h"
#include "io/torch_file.h"
#include "io/zip.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {

// The header of an .npy: a Python dict of three known keys.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
class Header {
 public:
  Header(std::string_view npy, const std::string& what) : what_(what) {
    if (npy.size() < 10 || npy.substr(0, 6) != std::string_view("\x93NUMPY", 6))
      fail("does not begin as an .npy file.");
    const int major = npy[6];
    uint64_t length = 0, begin = 10;
    if (major == 1) {
      uint16_t n;
      std::memcpy(&n, npy.data() + 8, 2);
      length = n;
    } else if ((major == 2 || major == 3) && npy.size() >= 12) {
      uint32_t n;
      std::memcpy(&n, npy.data() + 8, 4);
      length = n;
      begin = 12;
    } else {
      fail("is of version " + std::to_string(major) + ".");
    }
    if (length > npy.size() - begin) fail("has a header longer than itself.");
    text_ = npy.substr(begin, length);
    data = begin + length;
    type = quoted(value_of("descr"));
    const std::string_view order = value_of("fortran_order");
    fortran = order.starts_with("True");
    if (!fortran && !order.starts_with("False")) fail("has no fortran_order.");
    std::string_view shape = value_of("shape");
    if (!shape.starts_with("(")) fail("has no shape.");
    shape.remove_prefix(1);
    while (!shape.empty() && shape[0] != ')') {
      int64_t size = 0;
      size_t digits = 0;
      while (digits < shape.size() && shape[digits] >= '0' && shape[digits] <= '9') {
        if (__builtin_mul_overflow(size, int64_t{10}, &size) ||
            __builtin_add_overflow(size, shape[digits] - '0', &size))
          fail("has an impossible size.");
        ++digits;
      }
      if (digits > 0) sizes.push_back(size);
      if (digits == 0 && shape[0] != ',' && shape[0] != ' ') fail("has a shape of unknown form.");
      shape.remove_prefix(std::max<size_t>(digits, 1));
      if (sizes.size() > Shape::kMaxRank) fail("has more than 8 axes.");
    }
  }
  std::string type;
  bool fortran = false;
  std::vector<int64_t> sizes;
  uint64_t data = 0;

 private:
  [[noreturn]] void fail(const std::string& how) const {
    throw FileError("numpy", what_ + " " + how, "is it an .npy file, whole?");
  }
  // What stands behind 'key':
  std::string_view value_of(const std::string& key) const {
    size_t at = text_.find("'" + key + "'");
    if (at != std::string_view::npos) at = text_.find(':', at);
    if (at == std::string_view::npos) fail("lacks \"" + key + "\" in its header.");
    const size_t value = text_.find_first_not_of(' ', at + 1);
    if (value == std::string_view::npos) fail("lacks \"" + key + "\" in its header.");
    return text_.substr(value);
  }
  std::string quoted(std::string_view text) const {
    const size_t end = text.size() > 1 && text[0] == '\'' ? text.find('\'', 1) : std::string_view::npos;
    if (end == std::string_view::npos) fail("is an array of records, which Gradus does not read.");
    return std::string(text.substr(1, end - 1));
  }
  std::string what_;
  std::string_view text_;
};

// An array in the `bytes` of an .npy, of which the first are given.
ForeignArray array_of(std::string_view npy, uint64_t bytes, const std::string& what, std::string& type) {
  const Header h(npy, what);
  type = h.type;
  ForeignArray a;
  a.element = foreign_element(h.type);
  if (a.element == ForeignElement::none)
    throw FileError("numpy", what + " is of the type \"" + h.type.substr(0, 40) + "\".",
                    h.type.find('O') != std::string::npos
                        ? "arrays of Python objects are not read: they could run code."
                        : "save it as little-endian floats or integers.");
  a.begin = h.data;
  a.bytes = bytes - h.data;
  std::vector<int64_t> strides(h.sizes.size());
  int64_t stride = 1;
  for (size_t i = 0; i < h.sizes.size(); ++i) {
    const size_t axis = h.fortran ? i : h.sizes.size() - 1 - i;
    strides[axis] = stride;
    if (__builtin_mul_overflow(stride, std::max<int64_t>(h.sizes[axis], 1), &stride))
      throw FileError("numpy", what + " has an impossible size.");
  }
  place_foreign(a, 0, h.sizes, strides, what);
  return a;
}

constexpr uint64_t kMostHeader = 1 << 17;

class NumpyFile final : public TensorFile {
 public:
  // The mapping may be empty: then only the list is of use.
  NumpyFile(std::string path, std::string_view bytes, Ref<Mapping> mapping)
      : path_(std::move(path)), bytes_(bytes), mapping_(std::move(mapping)) {
    if (bytes.starts_with("PK")) {
      for (ZipEntry& e : parse_zip(bytes, path_)) {
        if (!e.name.ends_with(".npy")) continue;
        const std::string name = e.name.substr(0, e.name.size() - 4);
        add(name, std::move(e));
      }
    } else {
      ZipEntry whole;
      whole.bytes = whole.stored_bytes = bytes.size();
      add(fs::path(path_).stem().string(), std::move(whole));
    }
  }
  const char* format() const override { return "numpy"; }
  const std::vector<StoredTensor>& tensors() const override { return tensors_; }
  std::string describe() const override { return path_; }
  Tensor load(size_t index) const override {
    ForeignArray a = arrays_.at(index);
    const ZipEntry& e = entries_[index];
    if (!e.deflated) {
      a.begin += e.begin;
      return load_foreign(a, mapping_);
    }
    std::string buffer;
    return copy_foreign(a, unzip(bytes_, e, path_, buffer).substr(a.begin));
  }

 private:
  void add(const std::string& name, ZipEntry entry) {
    std::string buffer, type;
    const ForeignArray a = array_of(unzip(bytes_, entry, path_, buffer, kMostHeader), entry.bytes,
                                    path_ + ": the array \"" + name.substr(0, 200) + "\"", type);
    StoredTensor t;
    t.name = name;
    t.shape = a.shape;
    t.dtype = dtype_of_element(a.element);
    t.stored_type = type;
    t.bytes = static_cast<uint64_t>(a.shape.count()) * bytes_of_element(a.element);
    for (const StoredTensor& other : tensors_)
      if (other.name == name)
        throw FileError("numpy", path_ + ": the array \"" + name.substr(0, 200) + "\" stands twice.");
    tensors_.push_back(std::move(t));
    arrays_.push_back(a);
    entries_.push_back(std::move(entry));
  }
  std::string path_;
  std::string_view bytes_;
  Ref<Mapping> mapping_;
  std::vector<StoredTensor> tensors_;
  std::vector<ForeignArray> arrays_;
  std::vector<ZipEntry> entries_;
};

}  // namespace

std::unique_ptr<TensorFile> open_numpy(const fs::path& path) {
  Ref<Mapping> mapping = make_ref<Mapping>(path);
  const std::string_view bytes = mapping->bytes();
  return std::make_unique<NumpyFile>(path.string(), bytes, std::move(mapping));
}

std::vector<StoredTensor> parse_numpy(std::string_view bytes, const std::string& name) {
  return NumpyFile(name, bytes, {}).tensors();
}

}  // namespace gradus
