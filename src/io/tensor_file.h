#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "tensor/quantized.h"

namespace gradus {

/// A tensor as a file describes it.
struct StoredTensor {
  std::string name;
  Shape shape;
  Dtype dtype = Dtype::f32;          ///< of what load() gives
  std::optional<QuantFormat> quant;  ///< when packed in blocks
  std::string stored_type;           ///< as the file spells it: "BF16", "Q4_K", "<i2"
  uint64_t bytes = 0;                ///< in the file
};

/// A mapped file that tensors keep alive.
struct Mapping : RefCounted {
  explicit Mapping(const std::filesystem::path& path) : file(path) {}
  std::string_view bytes() const { return {reinterpret_cast<const char*>(file.data()), file.size()}; }
  MappedFile file;
};

/// Named tensors of a file (or of a folder of shards) in any of the formats that Gradus reads.
class TensorFile {
 public:
  virtual ~TensorFile() = default;
  /// "safetensors", "gguf", "pytorch", "numpy"
  virtual const char* format() const = 0;
  virtual const std::vector<StoredTensor>& tensors() const = 0;
  /// For errors: the file or folder.
  virtual std::string describe() const = 0;
  /// A dense tensor of `dtype` and `shape`; packed ones become f32. It may share the file's pages: not to be written.
  virtual Tensor load(size_t index) const = 0;
  /// The blocks as they are: matrices whose type is one of the packed formats (f16 and bf16 too); otherwise undefined.
  virtual QuantTensor packed(size_t index) const;
  /// The stored bytes; empty when the file does not hold them in row-major order.
  virtual std::string_view bytes_of(size_t index) const;
  virtual std::vector<std::pair<std::string, std::string>> metadata() const { return {}; }
  virtual std::vector<std::filesystem::path> files() const;

  /// The index of a name, or nothing.
  std::optional<size_t> find(std::string_view name) const;

 private:
  mutable std::vector<size_t> by_name_;
};

/// Opens by content and name: .safetensors or its index.json, .gguf, PyTorch's .bin/.pth/.pt and their index, .npz and
/// .npy, or a folder that holds model.safetensors, pytorch_model.bin, or shards of either. Throws FileError naming what
/// is supported.
std::unique_ptr<TensorFile> open_tensors(const std::filesystem::path& path);

}  // namespace gradus
