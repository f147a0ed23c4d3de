#include "nn/attention_cache.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/half.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// Room beside a window: new keys fill it before the ones in the window move to the front again.
constexpr int64_t kSlack = 512;
constexpr int64_t kBlock = 32;  // numbers that share a scale

void copy(const Tensor& from, const Tensor& to) { kernels(to.device()).copy({.x = from, .y = to}); }

// Makes room for `more` positions in a layer with a window: what it keeps moves to the front.
void roll(KvCache::Layer& layer, int64_t length, int64_t more) {
  const int64_t stored = length - layer.dropped;
  const int64_t kept = std::min(stored, layer.window - 1 + KvCache::kTakeBack);
  const int64_t room = std::max(layer.k.size(1), kept + more);
  for (Tensor* x : layer.parts()) {
    const Tensor old = narrow(*x, 1, stored - kept, kept);
    // source and target of a move inside one buffer overlap
    const Tensor from = room == x->size(1) ? clone(old) : old;
    if (room > x->size(1)) {
      Shape shape = x->shape();
      shape[1] = room;
      *x = empty(shape, x->dtype(), x->device());
    }
    copy(from, narrow(*x, 1, 0, kept));
  }
  layer.dropped = length - kept;
}

// x (B, T, G, D) as integers and scales: d = max |x| / 127 of a block, q = round(x / d).
struct Quantised {
  Tensor q, scale;
};
Quantised quantise(const Tensor& from) {
  const Tensor x = contiguous(cast(from, Dtype::f32));
  const int64_t depth = x.size(3), blocks = (depth + kBlock - 1) / kBlock,
                rows = x.count() / std::max<int64_t>(depth, 1);
  Quantised out{empty(x.shape(), Dtype::u8), empty({x.size(0), x.size(1), x.size(2), blocks}, Dtype::f16)};
  const float* p = x.data<float>();
  auto* q = reinterpret_cast<int8_t*>(out.q.data<uint8_t>());
  f16* scale = out.scale.data<f16>();
  for (int64_t r = 0; r < rows; ++r, p += depth, q += depth)
    for (int64_t begin = 0; begin < depth; begin += kBlock) {
      const int64_t end = std::min(depth, begin + kBlock);
      float most = 0;
      for (int64_t i = begin; i < end; ++i) most = std::max(most, std::abs(p[i]));
      const f16 d(most / 127);
      const float inverse = static_cast<float>(d) > 0 ? 1 / static_cast<float>(d) : 0;
      *scale++ = d;
      for (int64_t i = begin; i < end; ++i)
        q[i] = static_cast<int8_t>(std::clamp(std::nearbyint(p[i] * inverse), -127.0f, 127.0f));
    }
  return out;
}

Tensor dequantise(const Tensor& q, const Tensor& scale, int64_t positions, Dtype dtype) {
  const Tensor x = empty({q.size(0), positions, q.size(2), q.size(3)});
  const int64_t depth = q.size(3), blocks = scale.size(3), rows = positions * q.size(2), room = q.size(1) * q.size(2);
  for (int64_t b = 0; b < q.size(0); ++b) {
    const auto* from = reinterpret_cast<const int8_t*>(q.data<uint8_t>()) + b * room * depth;
    const f16* d = scale.data<f16>() + b * room * blocks;
    float* to = x.data<float>() + b * rows * depth;
    for (int64_t r = 0; r < rows; ++r, from += depth, to += depth)
      for (int64_t begin = 0; begin < depth; begin += kBlock) {
        const float by = static_cast<float>(*d++);
        for (int64_t i = begin; i < std::min(depth, begin + kBlock); ++i) to[i] = static_cast<float>(from[i]) * by;
      }
  }
  return cast(x, dtype);
}

}  // namespace

std::vector<Tensor*> KvCache::Layer::parts() {
  std::vector<Tensor*> all{&k, &v};
  if (k_scale.defined()) all.insert(all.end(), {&k_scale, &v_scale});
  return all;
}

KvCache::KvCache(const std::vector<int64_t>& windows, int64_t batch, int64_t capacity, int64_t kv_heads,
                 int64_t head_dim, Dtype model_dtype, KvType type)
    : dtype(model_dtype) {
  for (int64_t window : windows) {
    // a window larger than the room is none
    const bool rolls = window > 0 && window < capacity - kTakeBack - kSlack;
    const int64_t room = rolls ? std::min(capacity, window + kTakeBack + std::max(window, kSlack)) : capacity;
    const Shape shape{batch, room, kv_heads, head_dim};
    Layer layer;
    layer.window = rolls ? window : 0;
    const Dtype stored = type == KvType::q8_0 ? Dtype::u8 : dtype;
    layer.k = empty(shape, stored), layer.v = empty(shape, stored);
    if (type == KvType::q8_0) {
      const Shape scales{batch, room, kv_heads, (head_dim + kBlock - 1) / kBlock};
      layer.k_scale = empty(scales, Dtype::f16), layer.v_scale = empty(scales, Dtype::f16);
    }
    layers.push_back(layer);
  }
}

KvCache::Seen KvCache::append(size_t index, const Tensor& k, const Tensor& v) {
  Layer& layer = layers[index];
  const int64_t time = k.size(1);
  if (length - layer.dropped + time > layer.k.size(1)) {
    if (layer.window == 0)
      throw ShapeError("cache",
                       "position " + std::to_string(length + time) + " is beyond the " +
                           std::to_string(layer.k.size(1)) + " positions of the key/value cache.",
                       "generate fewer tokens or start with more room.");
    roll(layer, length, time);
  }
  const int64_t at = length - layer.dropped, after = at + time;
  if (!layer.k_scale.defined()) {
    copy(k, narrow(layer.k, 1, at, time));
    copy(v, narrow(layer.v, 1, at, time));
    return {narrow(layer.k, 1, 0, after), narrow(layer.v, 1, 0, after)};
  }
  const Quantised qk = quantise(k), qv = quantise(v);
  copy(qk.q, narrow(layer.k, 1, at, time));
  copy(qk.scale, narrow(layer.k_scale, 1, at, time));
  copy(qv.q, narrow(layer.v, 1, at, time));
  copy(qv.scale, narrow(layer.v_scale, 1, at, time));
  return {dequantise(layer.k, layer.k_scale, after, dtype), dequantise(layer.v, layer.v_scale, after, dtype)};
}

bool KvCache::can_cut(int64_t to) const {
  if (to < 0 || to > length) return false;
  return std::all_of(layers.begin(), layers.end(), [to](const Layer& layer) {
    return layer.window == 0 || to - layer.dropped >= std::min(to, layer.window - 1);
  });
}

void KvCache::cut(int64_t to) {
  if (!can_cut(to))
    throw ShapeError("cache", "cannot go back to position " + std::to_string(to) + " of " + std::to_string(length) +
                                  ": what its windows saw is forgotten.");
  length = to;
}

void KvCache::clear() {
  for (Layer& layer : layers) layer.dropped = 0;
  length = 0;
}

void KvCache::select_rows(const std::vector<int64_t>& rows) {
  const Tensor index = from_vector(rows, {static_cast<int64_t>(rows.size())});
  for (Layer& layer : layers)
    for (Tensor* x : layer.parts()) {
      const Tensor from = index_select(narrow(*x, 1, 0, length - layer.dropped), index);
      if (x->size(0) != from.size(0)) {
        Shape shape = x->shape();
        shape[0] = from.size(0);
        *x = empty(shape, x->dtype(), x->device());
      }
      copy(from, narrow(*x, 1, 0, from.size(1)));
    }
}

int64_t KvCache::bytes() const {
  int64_t total = 0;
  for (Layer layer : layers)
    for (const Tensor* x : layer.parts()) total += x->count() * static_cast<int64_t>(size_of(x->dtype()));
  return total;
}

}  // namespace gradus
