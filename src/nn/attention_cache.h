#pragma once
#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// How a cache holds keys and values: in the model's dtype, or as GGUF's q8_0: 32 integers of 8 bits share a scale in
/// f16, a quarter of the bytes of f32.
enum class KvType : uint8_t { model, q8_0 };

/// Keys and values of the positions a decoder has seen, one pair of buffers a layer, (B, capacity, G, D). A layer that
/// looks back through a window keeps what the window shows and a little more, whatever the length of the text.
struct KvCache {
  struct Layer {
    Tensor k, v;              ///< q8_0: u8 that hold signed integers
    Tensor k_scale, v_scale;  ///< q8_0: (B, capacity, G, ceil(D/32)) f16
    int64_t window = 0;       ///< keys that a query of this layer sees, 0: all
    int64_t dropped = 0;      ///< positions that were forgotten: the buffers begin behind them

    std::vector<Tensor*> parts();
  };
  std::vector<Layer> layers;
  int64_t length = 0;  ///< positions seen; the model's forward pass moves it on
  Dtype dtype = Dtype::f32;

  /// Room for `capacity` positions in layers without a window. Throws MemoryError.
  KvCache(const std::vector<int64_t>& windows, int64_t batch, int64_t capacity, int64_t kv_heads, int64_t head_dim,
          Dtype dtype, KvType type = KvType::model);

  struct Seen {
    Tensor k, v;  ///< (B, n, G, D): the last n positions, the new ones at the end
  };
  /// Stores k, v (B, T, G, D) of `layer` behind what it has and gives everything that is still there.
  /// Throws ShapeError when the room is used up.
  Seen append(size_t layer, const Tensor& k, const Tensor& v);

  /// How many positions cut() can always take back, windows or not.
  static constexpr int64_t kTakeBack = 64;
  /// Whether the first `to` positions can be had again.
  bool can_cut(int64_t to) const;
  /// Forgets everything from position `to` on. Throws ShapeError when a window has lost what came before it.
  void cut(int64_t to);
  void clear();
  /// Row i becomes what row rows[i] was.
  void select_rows(const std::vector<int64_t>& rows);
  int64_t bytes() const;
};

}  // namespace gradus
