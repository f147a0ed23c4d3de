#include "io/safetensors_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace gradus {

namespace {

// In the reference's order of writing: the widest first, so that every tensor is aligned to its own size.
struct Spelling {
  Dtype dtype;
  const char* name;
};
constexpr Spelling kWritingOrder[] = {{Dtype::i64, "I64"}, {Dtype::f64, "F64"},     {Dtype::f32, "F32"},
                                      {Dtype::i32, "I32"}, {Dtype::bf16, "BF16"},   {Dtype::f16, "F16"},
                                      {Dtype::u8, "U8"},   {Dtype::boolean, "BOOL"}};

int writing_rank(Dtype dtype) {
  int rank = 0;
  while (kWritingOrder[rank].dtype != dtype) ++rank;
  return rank;
}

std::string json_string(const std::string& text) {
  try {
    return Json(text).dump();
  } catch (const Json::type_error&) {
    throw ValueError("safetensors", "the name \"" + text + "\" is no valid UTF-8.");
  }
}

}  // namespace

const char* safetensors_name(Dtype dtype) { return kWritingOrder[writing_rank(dtype)].name; }

bool written_before(Dtype a, const std::string& a_name, Dtype b, const std::string& b_name) {
  const int left = writing_rank(a), right = writing_rank(b);
  return left != right ? left < right : a_name < b_name;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, const std::vector<StoredTensor>& tensors,
                                     const TextPairs& metadata)
    : file_(path) {
  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) header += json_string(key) + ":" + json_string(value) + ",";
    header.back() = '}';
    header += ",";
  }
  std::vector<std::string_view> names;
  for (const StoredTensor& t : tensors) {
    if (t.name == "__metadata__") throw ValueError("safetensors", "the name \"__metadata__\" is reserved.");
    names.push_back(t.name);
    header += json_string(t.name) + ":{\"dtype\":\"" + safetensors_name(t.dtype) + "\",\"shape\":[";
    for (int axis = 0; axis < t.shape.rank(); ++axis) {
      if (axis > 0) header += ",";
      header += std::to_string(t.shape[axis]);
    }
    const uint64_t bytes = static_cast<uint64_t>(t.shape.count()) * size_of(t.dtype);
    header += "],\"data_offsets\":[" + std::to_string(left_) + "," + std::to_string(left_ + bytes) + "]},";
    left_ += bytes;
  }
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin != names.end()) throw ValueError("safetensors", "the name \"" + std::string(*twin) + "\" stands twice.");
  if (header.size() > 1) header.pop_back();
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const uint64_t length = header.size();
  file_.write(&length, sizeof(length));
  file_.write(header.data(), header.size());
}

void SafetensorsWriter::write(const void* data, size_t bytes) {
  if (bytes > left_) throw ValueError("safetensors", "more bytes were written than the tensors have.");
  if (bytes > 0) file_.write(data, bytes);
  left_ -= bytes;
}

void SafetensorsWriter::commit() {
  if (left_ != 0) throw ValueError("safetensors", std::to_string(left_) + " announced bytes were not written.");
  file_.commit();
}

}  // namespace gradus
