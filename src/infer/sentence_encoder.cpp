#include "infer/sentence_encoder.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "io/safetensors.h"
#include "models/text/encoder.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/shape.h"

namespace gradus {

namespace fs = std::filesystem;

struct SentenceEncoder::Dense {
  Tensor weight, bias;
  bool tanh = false;
};

namespace {

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
  throw FileError("embed", file.string() + ": " + what, "the directory must be one that sentence-transformers wrote.");
}

std::string text_of(const Json& json, const char* key, const fs::path& file) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_string()) refuse(file, std::string("\"") + key + "\" must be a string.");
  return it->get<std::string>();
}

// sentence_transformers.models.Pooling -> Pooling
std::string last_part(const std::string& path) { return path.substr(path.find_last_of('.') + 1); }

int64_t positive(const Json& json, const char* key, int64_t otherwise, const fs::path& file) {
  const auto it = json.find(key);
  if (it == json.end() || it->is_null()) return otherwise;
  if (!it->is_number_integer() || it->get<int64_t>() < 1)
    refuse(file, std::string("\"") + key + "\" must be a positive integer, found " + dump_json(*it) + ".");
  return it->get<int64_t>();
}

}  // namespace

SentenceEncoder::~SentenceEncoder() = default;
SentenceEncoder::SentenceEncoder(SentenceEncoder&&) noexcept = default;

SentenceEncoder::SentenceEncoder(const fs::path& directory) {
  fs::path model = directory;
  const fs::path modules = directory / "modules.json";
  if (fs::exists(modules)) {
    const Json list = read_json(modules);
    if (!list.is_array()) refuse(modules, "must be a list of modules.");
    for (const Json& module : list) {
      if (!module.is_object()) refuse(modules, "a module must be an object.");
      const std::string type = last_part(text_of(module, "type", modules));
      const fs::path folder = directory / text_of(module, "path", modules);
      if (type == "Transformer")
        model = folder;
      else if (type == "Pooling")
        read_pooling(folder / "config.json");
      else if (type == "Dense")
        read_dense(folder);
      else if (type == "Normalize")
        normalize_ = true;
      else
        refuse(modules, "the module " + type + " is not supported; Transformer, Pooling, Dense and Normalize are.");
    }
  }
  if (pools_.empty()) pools_.push_back(Pool::mean);

  model_ = load_model(model, {.trainable = false, .body_only = true});
  tokenizer_.emplace(Tokenizer::load(model));
  frame_.emplace(*tokenizer_);
  const Json config = parse_json(model_->config(), "config.json");
  positions_ = config.value("max_position_embeddings", int64_t{0});
  if (config.value("model_type", "") == "roberta") positions_ -= config.value("pad_token_id", int64_t{1}) + 1;
  states_width_ = config.value("hidden_size", config.value("dim", config.value("d_model", int64_t{0})));
  max_length_ = positions_ > 0 ? positions_ : 512;
  const fs::path limits = model / "sentence_bert_config.json";
  if (fs::exists(limits)) max_length_ = positive(read_json(limits), "max_seq_length", max_length_, limits);
  set_max_seq_length(max_length_);
  if (auto* encoder = dynamic_cast<EncoderModel*>(model_.get())) encoder->body().fuse();

  width_ = states_width_ * static_cast<int64_t>(pools_.size());
  for (const Dense& d : dense_) {
    if (d.weight.size(1) != width_)
      refuse(directory, "a Dense module reads " + std::to_string(d.weight.size(1)) + " numbers, but gets " +
                            std::to_string(width_) + ".");
    width_ = d.weight.size(0);
  }
}

void SentenceEncoder::set_max_seq_length(int64_t length) {
  if (length < 1) throw ValueError("embed", "max_seq_length must be positive, got " + std::to_string(length) + ".");
  max_length_ = positions_ > 0 ? std::min(length, positions_) : length;
}

void SentenceEncoder::read_pooling(const fs::path& file) {
  const Json config = read_json(file);
  if (!config.is_object()) refuse(file, "must be an object.");
  // In the order in which several are joined.
  constexpr struct {
    const char *flag, *name;
    Pool pool;
  } kPools[] = {{"pooling_mode_cls_token", "cls", Pool::cls},
                {"pooling_mode_max_tokens", "max", Pool::max},
                {"pooling_mode_mean_tokens", "mean", Pool::mean},
                {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Pool::mean_sqrt},
                {"pooling_mode_weightedmean_tokens", "weightedmean", Pool::weighted_mean},
                {"pooling_mode_lasttoken", "lasttoken", Pool::last}};
  const auto named = config.find("pooling_mode");  // the newer spelling: a name or a list of names
  for (const auto& [flag, name, pool] : kPools) {
    bool on = false;
    if (const auto it = config.find(flag); it != config.end() && it->is_boolean()) on = it->get<bool>();
    if (named != config.end()) {
      on |= *named == name;
      if (named->is_array()) on |= std::find(named->begin(), named->end(), name) != named->end();
    }
    if (on) pools_.push_back(pool);
  }
  if (pools_.empty()) refuse(file, "names no way of pooling that is known.");
}

void SentenceEncoder::read_dense(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  const Json config = read_json(file);
  const std::string act = last_part(text_of(config, "activation_function", file));
  if (act != "Tanh" && act != "Identity")
    refuse(file, "the activation " + act + " is not supported; Tanh and Identity are.");
  const Safetensors weights(folder / "model.safetensors");
  Dense d;
  d.tanh = act == "Tanh";
  d.weight = cast(weights.load("linear.weight"), Dtype::f32);
  if (d.weight.rank() != 2) refuse(folder, "linear.weight must be a matrix, is " + d.weight.describe() + ".");
  if (weights.contains("linear.bias")) d.bias = cast(weights.load("linear.bias"), Dtype::f32);
  dense_.push_back(d);
}

std::vector<int32_t> SentenceEncoder::tokenize(std::string_view text) const {
  return frame_->encode(*tokenizer_, text, max_length_);
}

// states (length, width) -> one vector a way of pooling, one after the other
std::vector<float> SentenceEncoder::pooled(const float* states, int64_t length) const {
  const auto width = static_cast<size_t>(states_width_);
  std::vector<float> out;
  for (Pool pool : pools_) {
    const size_t begin = out.size();
    const int64_t first = pool == Pool::last ? length - 1 : 0;
    out.insert(out.end(), states + first * states_width_, states + (first + 1) * states_width_);
    if (pool == Pool::cls || pool == Pool::last) continue;
    float* y = out.data() + begin;
    for (int64_t t = 1; t < length; ++t) {
      const float* x = states + t * states_width_;
      const float weight = pool == Pool::weighted_mean ? static_cast<float>(t + 1) : 1;
      for (size_t c = 0; c < width; ++c) y[c] = pool == Pool::max ? std::max(y[c], x[c]) : y[c] + weight * x[c];
    }
    const auto n = static_cast<float>(length);
    const float total = pool == Pool::mean            ? n
                        : pool == Pool::mean_sqrt     ? std::sqrt(n)
                        : pool == Pool::weighted_mean ? n * (n + 1) / 2
                                                      : 1;
    for (size_t c = 0; c < width; ++c) y[c] /= total;
  }
  return out;
}

std::vector<std::vector<float>> SentenceEncoder::encode_ids(const std::vector<std::vector<int32_t>>& texts) const {
  const NoGrad off;
  if (texts.empty()) return {};
  std::vector<int64_t> ids, lengths;
  for (const std::vector<int32_t>& text : texts) {
    if (text.empty()) throw ValueError("embed", "a text without any token has no vector.");
    ids.insert(ids.end(), text.begin(), text.end());
    lengths.push_back(static_cast<int64_t>(text.size()));
  }
  Tensor states;
  if (const auto* encoder = dynamic_cast<const EncoderModel*>(model_.get())) {
    states = encoder->body().packed_hidden(from_vector(ids), lengths);
  } else {  // one by one: any other model that gives states
    Tensors all;
    for (const std::vector<int32_t>& text : texts) {
      const std::vector<int64_t> one(text.begin(), text.end());
      const Tensor row = from_vector(one, {1, static_cast<int64_t>(one.size())});
      for (const auto& [name, value] : model_->forward({{"input_ids", row}}, {}))
        if (name == "last_hidden_state") all.push_back(select(value, 0, 0));
    }
    states = concat(all, 0);
  }
  states = contiguous(states);
  const float* data = states.data<float>();
  std::vector<std::vector<float>> out;
  for (int64_t length : lengths) {
    out.push_back(pooled(data, length));
    data += length * states_width_;
  }
  for (const Dense& d : dense_)
    for (std::vector<float>& v : out) {
      Tensor y = affine(from_vector(v, {1, static_cast<int64_t>(v.size())}), transpose(d.weight), d.bias);
      if (d.tanh) y = tanh(y);
      v = y.to_vector<float>();
    }
  if (normalize_)
    for (std::vector<float>& v : out) {
      double squares = 0;
      for (float x : v) squares += static_cast<double>(x) * static_cast<double>(x);
      const auto norm = static_cast<float>(std::max(std::sqrt(squares), 1e-12));
      for (float& x : v) x /= norm;
    }
  return out;
}

std::vector<std::vector<float>> SentenceEncoder::encode(const std::vector<std::string>& texts) const {
  std::vector<std::vector<int32_t>> ids;
  for (const std::string& text : texts) ids.push_back(tokenize(text));
  return encode_ids(ids);
}

std::vector<std::vector<float>> SentenceEncoder::encode_all(const std::vector<std::string>& texts, size_t batch) const {
  std::vector<std::vector<int32_t>> ids(texts.size());
  parallel_for(static_cast<int64_t>(texts.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ids[static_cast<size_t>(i)] = tokenize(texts[static_cast<size_t>(i)]);
  });
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ids[a].size() > ids[b].size(); });
  std::vector<std::vector<float>> out(texts.size());
  for (size_t from = 0; from < order.size(); from += batch) {
    const size_t n = std::min(batch, order.size() - from);
    std::vector<std::vector<int32_t>> some;
    for (size_t i = 0; i < n; ++i) some.push_back(ids[order[from + i]]);
    std::vector<std::vector<float>> vectors = encode_ids(some);
    for (size_t i = 0; i < n; ++i) out[order[from + i]] = std::move(vectors[i]);
  }
  return out;
}

}  // namespace gradus
