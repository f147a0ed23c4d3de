#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "io/gguf.h"
#include "io/gguf_types.h"

namespace gradus {

namespace {

constexpr uint64_t kAlignment = 32;

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}
void put_string(std::string& out, std::string_view text) {
  put(out, uint64_t{text.size()});
  out += text;
}

}  // namespace

GgufWriter::GgufWriter(const std::filesystem::path& path, const std::vector<GgufField>& fields,
                       const std::vector<StoredTensor>& tensors)
    : file_(path) {
  std::string header = "GGUF";
  put(header, uint32_t{3});
  put(header, uint64_t{tensors.size()});
  put(header, uint64_t{fields.size()});
  for (const GgufField& f : fields) {
    put_string(header, f.key());
    put(header, static_cast<uint32_t>(f.type()));
    if (f.is_array()) {
      put(header, static_cast<uint32_t>(f.element()));
      put(header, f.count());
    }
    header += f.bytes();
  }
  uint64_t offset = 0;
  for (const StoredTensor& t : tensors) {
    const GgufTensorType* type = t.quant ? &gguf_tensor_type(*t.quant) : gguf_tensor_type(t.dtype);
    if (!type)
      throw ValueError("gguf", "the tensor \"" + t.name + "\" is " + name_of(t.dtype) + ", a type that GGUF lacks.",
                       "choose a floating type with --type.");
    if (t.shape.rank() > 4)
      throw ValueError("gguf", "the tensor \"" + t.name + "\" " + t.shape.str() + " has more than the 4 axes of GGUF.");
    put_string(header, t.name);
    put(header, static_cast<uint32_t>(t.shape.rank()));
    for (int axis = t.shape.rank() - 1; axis >= 0; --axis) put(header, static_cast<uint64_t>(t.shape[axis]));
    put(header, type->number);
    put(header, offset);
    sizes_.push_back(static_cast<uint64_t>(t.shape.count() / type->block * type->bytes));
    offset += (sizes_.back() + kAlignment - 1) / kAlignment * kAlignment;
  }
  header.resize((header.size() + kAlignment - 1) / kAlignment * kAlignment, '\0');
  file_.write(header.data(), header.size());
  pad();
}

// Ends the tensors that are complete (empty ones at once).
void GgufWriter::pad() {
  while (next_ < sizes_.size() && written_ == sizes_[next_]) {
    const char zeros[kAlignment] = {};
    if (written_ % kAlignment != 0) file_.write(zeros, kAlignment - written_ % kAlignment);
    ++next_;
    written_ = 0;
  }
}

void GgufWriter::write(const void* data, size_t bytes) {
  if (bytes == 0) return;
  if (next_ >= sizes_.size() || bytes > sizes_[next_] - written_)
    throw ValueError("gguf", "more bytes were written than the tensors have.");
  file_.write(data, bytes);
  written_ += bytes;
  pad();
}

void GgufWriter::commit() {
  if (next_ != sizes_.size())
    throw ValueError("gguf", std::to_string(sizes_.size() - next_) + " announced tensors were not written.");
  file_.commit();
}

}  // namespace gradus
