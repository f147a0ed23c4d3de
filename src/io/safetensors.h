#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/tensor_file.h"

namespace gradus {

// The safetensors format: u64 little-endian header length N, N bytes of JSON (name → dtype, shape, data_offsets;
// optional
// "__metadata__" of strings), then the tensors' bytes without gaps, row-major and little-endian.
// https://github.com/huggingface/safetensors#format

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using TextPairs = std::vector<std::pair<std::string, std::string>>;

struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  Shape shape;
  uint64_t begin = 0, end = 0;  ///< bytes, counted from the end of the header
  int shard = 0;                ///< which of Safetensors::files() holds it
  uint64_t bytes() const { return end - begin; }
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  ///< in the order of their bytes
  TextPairs metadata;
  uint64_t data_begin = 0;
};

/// Reads and checks the header of a whole file's bytes; afterwards every [begin, end) fits its shape and dtype and lies
/// inside the file. `name` stands in errors. Throws FileError naming the tensor, what was expected and the remedy for
/// anything that the format forbids, and for dtypes or ranks that Gradus does not have.
SafetensorsHeader parse_safetensors_header(std::string_view file, const std::string& name);

/// The tensors of a .safetensors file, of a sharded checkpoint (model.safetensors.index.json), or of a folder that
/// holds either. Opening reads only the headers. The files are
/// mapped: replace one by renaming a new file over it (as write_safetensors does), never by overwriting it in place.
class Safetensors {
 public:
  explicit Safetensors(const std::filesystem::path& path);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// Null when there is none of that name.
  const TensorInfo* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }

  /// A copy in memory of its own. Throws FileError when there is none of that name.
  Tensor load(std::string_view name) const;
  /// The file's own pages, not to be written; they stay mapped as long as the tensor lives.
  /// Booleans and data that are misaligned for their type are copied instead.
  Tensor map(std::string_view name) const;
  NamedTensors load_all() const;
  /// The bytes of a tensor in the mapped file, and the same as a storage that keeps the file mapped.
  std::string_view bytes(std::string_view name) const;
  Ref<Storage> storage(std::string_view name) const;

  const TextPairs& metadata() const { return metadata_; }
  const std::vector<std::filesystem::path>& files() const { return files_; }

 private:
  void add_file(const std::filesystem::path& path);
  void add_index(const std::filesystem::path& path);
  void sort_names();
  const TensorInfo& require(std::string_view name) const;
  const std::byte* bytes_of(const TensorInfo& info) const;

  std::filesystem::path path_;
  std::vector<TensorInfo> tensors_;
  std::vector<size_t> by_name_;  // indices into tensors_
  TextPairs metadata_;
  std::vector<std::filesystem::path> files_;
  std::vector<Ref<Mapping>> mappings_;
  std::vector<uint64_t> data_begin_;
};

/// How the format spells a dtype: "BF16".
const char* safetensors_name(Dtype dtype);

/// Writes atomically, in the order and with the padding of the reference implementation, so that equal tensors give
/// equal files. Views are written densely. Throws ValueError for duplicate or reserved names and for tensors without
/// data, FileError when the file cannot be written.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const TextPairs& metadata = {{"format", "pt"}});

}  // namespace gradus
