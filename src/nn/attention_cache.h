#pragma once
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// Keys and values of the positions a decoder has seen, one pair of buffers a layer, (B, capacity, G, D).
struct KvCache {
  struct Layer {
    Tensor k, v;
  };
  std::vector<Layer> layers;
  int64_t length = 0;  ///< positions filled; the model's forward pass moves it on

  /// Room for `capacity` positions. Throws MemoryError.
  KvCache(int64_t layer_count, int64_t batch, int64_t capacity, int64_t kv_heads, int64_t head_dim, Dtype dtype);
  int64_t capacity() const { return layers.empty() ? 0 : layers[0].k.size(1); }
  /// Stores k, v (B, T, G, D) of `layer` behind the filled positions and gives views of everything up to them.
  /// Throws ShapeError when the room is used up.
  Layer append(size_t layer, const Tensor& k, const Tensor& v) const;
};

}  // namespace gradus
