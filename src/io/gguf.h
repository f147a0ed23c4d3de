#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/tensor_file.h"

namespace gradus {

// The GGUF format: "GGUF", u32 version, u64 number of tensors, u64 number of fields, the fields (key, type, value), the
// tensors' names, sizes, types and offsets, padding, then the tensors' bytes, each aligned. Little-endian.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
const char* name_of(GgufType type);

/// One field of the metadata. The value's bytes stay where they are: in the mapped file, or in `own`.
class GgufField {
 public:
  GgufField() = default;
  GgufField(std::string key, GgufType type, std::string_view bytes, GgufType element = GgufType::u8, uint64_t count = 1)
      : key_(std::move(key)), bytes_(bytes), type_(type), element_(element), count_(count) {}

  /// For writing.
  static GgufField of_integer(std::string key, uint32_t value);
  static GgufField of_number(std::string key, float value);
  static GgufField of_flag(std::string key, bool value);
  static GgufField of_text(std::string key, std::string_view value);
  static GgufField of_texts(std::string key, const std::vector<std::string_view>& values);
  static GgufField of_integers(std::string key, const std::vector<int32_t>& values);
  static GgufField of_numbers(std::string key, const std::vector<float>& values);

  const std::string& key() const { return key_; }
  GgufType type() const { return type_; }
  bool is_array() const { return type_ == GgufType::array; }
  /// Of an array's elements.
  GgufType element() const { return element_; }
  uint64_t count() const { return count_; }
  /// As the file holds it, without the type.
  std::string_view bytes() const { return own_.empty() ? bytes_ : std::string_view(own_); }

  /// Each throws FileError naming the key when the value is of another kind.
  int64_t integer() const;
  double number() const;  ///< integers too
  bool flag() const;
  std::string_view text() const;
  std::vector<std::string_view> texts() const;
  std::vector<int64_t> integers() const;
  std::vector<double> numbers() const;

 private:
  [[noreturn]] void wrong(const char* expected) const;
  std::string key_;
  std::string_view bytes_;
  std::string own_;
  GgufType type_ = GgufType::u8, element_ = GgufType::u8;
  uint64_t count_ = 1;
};

struct GgufHeader {
  uint32_t version = 3;
  uint64_t alignment = 32;
  std::vector<GgufField> fields;
  std::vector<StoredTensor> tensors;  ///< in the file's order
  std::vector<uint64_t> offsets;      ///< of each tensor, from the beginning of the file
};

/// Reads and checks the header of a whole file's bytes (versions 2 and 3); afterwards every tensor lies inside the
/// file, aligned, and none overlaps another. The fields point into `file`. Throws FileError for what the format forbids
/// and for tensor types that Gradus does not have.
GgufHeader parse_gguf(std::string_view file, const std::string& name);

/// A GGUF file, mapped. Sizes are given as Hugging Face gives them, the contiguous axis last.
class Gguf final : public TensorFile {
 public:
  explicit Gguf(const std::filesystem::path& path);

  uint32_t version() const { return header_.version; }
  const std::vector<GgufField>& fields() const { return header_.fields; }
  /// Null when there is none.
  const GgufField* field(std::string_view key) const;
  /// Throws FileError when there is none.
  const GgufField& require(std::string_view key) const;

  const char* format() const override { return "gguf"; }
  const std::vector<StoredTensor>& tensors() const override { return header_.tensors; }
  std::string describe() const override { return path_; }
  Tensor load(size_t index) const override;
  QuantTensor packed(size_t index) const override;
  std::string_view bytes_of(size_t index) const override;

 private:
  std::string path_;
  Ref<Mapping> mapping_;
  GgufHeader header_;
};

/// Writes a GGUF file piece by piece: the header first, then each tensor's bytes in the order they were announced. What
/// `path` held stays until commit().
class GgufWriter {
 public:
  GgufWriter(const std::filesystem::path& path, const std::vector<GgufField>& fields,
             const std::vector<StoredTensor>& tensors);
  /// Some bytes of the tensor that is next; a tensor may come in several pieces. Throws ValueError for more bytes than
  /// it has.
  void write(const void* data, size_t bytes);
  /// Throws ValueError when tensors are missing.
  void commit();

 private:
  void pad();
  AtomicFile file_;
  std::vector<uint64_t> sizes_;
  size_t next_ = 0;
  uint64_t written_ = 0;
};

}  // namespace gradus
