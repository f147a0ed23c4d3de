#include "io/gguf_model.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/gguf_config.h"

namespace gradus {

void permute_rows(const std::byte* from, std::byte* to, int64_t rows, int64_t heads, size_t bytes, bool to_gguf) {
  const int64_t dim = rows / heads, half = dim / 2;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t i = 0; i < half; ++i)
      for (int64_t j = 0; j < 2; ++j) {
        const int64_t own = head * dim + j * half + i, there = head * dim + 2 * i + j;
        const int64_t source = to_gguf ? own : there, target = to_gguf ? there : own;
        std::memcpy(to + static_cast<size_t>(target) * bytes, from + static_cast<size_t>(source) * bytes, bytes);
      }
}

namespace {

template <class F>
Tensor changed_floats(const Tensor& x, const F& f) {
  const Tensor y = empty(x.shape(), x.dtype());
  dispatch_floating("gguf", x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t i = 0; i < x.count(); ++i)
      y.data<T>()[i] = static_cast<T>(f(static_cast<accumulator_t<T>>(x.data<T>()[i])));
  });
  return y;
}

}  // namespace

GgufModel::GgufModel(const std::filesystem::path& path) : file_(path) {
  config_ = std::make_shared<Json>(gguf_config(file_));
  const std::string architecture(file_.require("general.architecture").text());
  const Json& c = *config_;
  const auto integer = [&](const char* key, int64_t otherwise) {
    return c.is_object() && c.contains(key) && c.at(key).is_number_integer() ? c.at(key).get<int64_t>() : otherwise;
  };
  heads_ = integer("num_attention_heads", 0);
  kv_heads_ = integer("num_key_value_heads", heads_);
  for (size_t i = 0; i < file_.tensors().size(); ++i) {
    const StoredTensor& stored = file_.tensors()[i];
    const auto name = huggingface_name(architecture, stored.name);
    if (!name && stored.name.starts_with("rope_f")) continue;  // part of the configuration
    StoredTensor t = stored;
    Place place{i, GgufChange::none};
    if (name) {
      t.name = name->name;
      place.change = name->change;
    }
    if (place.change == GgufChange::transpose && t.shape.rank() == 2) t.shape = {t.shape[1], t.shape[0]};
    tensors_.push_back(std::move(t));
    places_.push_back(place);
  }
}

const Json& GgufModel::config() const { return *config_; }

std::string_view GgufModel::kept_file(const std::string& name) const {
  const GgufField* f = file_.field(gguf_key_of_file(name));
  return f && f->type() == GgufType::string ? f->text() : std::string_view();
}

// The heads whose rows are permuted; 0 for other tensors.
int64_t GgufModel::permuted_heads(size_t index, int64_t rows) const {
  const GgufChange change = places_[index].change;
  if (change != GgufChange::permute_q && change != GgufChange::permute_k) return 0;
  const int64_t heads = change == GgufChange::permute_q ? heads_ : kv_heads_;
  if (heads < 1 || rows % (2 * heads) != 0)
    throw FileError("gguf", describe() + ": the " + std::to_string(rows) + " rows of \"" + tensors_[index].name +
                                "\" are no " + std::to_string(heads) + " heads of even size.");
  return heads;
}

Tensor GgufModel::load(size_t index) const {
  const Place& place = places_.at(index);
  const Tensor x = file_.load(place.index);
  switch (place.change) {
    case GgufChange::none: return x;
    case GgufChange::add_one: return changed_floats(x, [](auto v) { return v - 1; });
    case GgufChange::transpose: {
      if (x.rank() != 2) return x;
      const int64_t rows = x.size(0), columns = x.size(1);
      const Tensor y = empty({columns, rows}, x.dtype());
      dispatch_all(x.dtype(), [&](auto tag) {
        using T = decltype(tag);
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) y.data<T>()[j * rows + i] = x.data<T>()[i * columns + j];
      });
      return y;
    }
    default: break;
  }
  if (x.rank() == 0 || x.count() == 0) return x;
  const int64_t heads = permuted_heads(index, x.size(0));
  const Tensor y = empty(x.shape(), x.dtype());
  permute_rows(static_cast<const std::byte*>(x.raw()), static_cast<std::byte*>(y.raw()), x.size(0), heads,
               x.bytes() / static_cast<size_t>(x.size(0)), false);
  return y;
}

QuantTensor GgufModel::packed(size_t index) const {
  const QuantTensor q = file_.packed(places_.at(index).index);
  if (!q.defined() || q.rows() == 0) return q;
  const int64_t heads = permuted_heads(index, q.rows());
  if (heads == 0) return q;
  Ref<Storage> storage = make_ref<Storage>(Device::cpu, q.bytes());
  permute_rows(q.row(0), static_cast<std::byte*>(storage->data()), q.rows(), heads, q.row_bytes(), false);
  return QuantTensor(storage, q.format(), q.rows(), q.columns());
}

std::string_view GgufModel::bytes_of(size_t index) const {
  return places_.at(index).change == GgufChange::none ? file_.bytes_of(places_[index].index) : std::string_view();
}

}  // namespace gradus
