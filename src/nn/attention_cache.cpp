#include "nn/attention_cache.h"

#include <string>

#include "base/error.h"
#include "kernels/table.h"
#include "ops/shape.h"

namespace gradus {

KvCache::KvCache(int64_t layer_count, int64_t batch, int64_t capacity, int64_t kv_heads, int64_t head_dim,
                 Dtype dtype) {
  for (int64_t i = 0; i < layer_count; ++i)
    layers.push_back(
        {empty({batch, capacity, kv_heads, head_dim}, dtype), empty({batch, capacity, kv_heads, head_dim}, dtype)});
}

KvCache::Layer KvCache::append(size_t layer, const Tensor& k, const Tensor& v) const {
  const int64_t after = length + k.size(1);
  if (after > capacity())
    throw ShapeError("cache",
                     "position " + std::to_string(after) + " is beyond the " + std::to_string(capacity()) +
                         " positions of the key/value cache.",
                     "generate fewer tokens or start with more room.");
  const Layer& room = layers[layer];
  for (const auto& [from, to] : {std::pair{&k, &room.k}, {&v, &room.v}})
    kernels(to->device()).copy({.x = *from, .y = narrow(*to, 1, length, k.size(1))});
  return {narrow(room.k, 1, 0, after), narrow(room.v, 1, 0, after)};
}

}  // namespace gradus
