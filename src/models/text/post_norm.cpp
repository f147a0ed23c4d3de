#include "models/text/post_norm.h"

#include "autograd/autograd.h"
#include "autograd/observer.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace gradus {

PostNormBlock::PostNormBlock(const Scope& s, const PostNormNames& names, const PostNormSizes& z)
    : self(s, names.self, {z.width, z.heads, z.width / z.heads, z.init_std, z.attention_dropout}),
      self_norm(s / names.self_norm, z.width, z.eps),
      up(s / names.up, z.width, z.inner, {true, z.init_std}),
      down(s / names.down, z.inner, z.width, {true, z.init_std}),
      output_norm(s / names.output_norm, z.width, z.eps),
      self_dropout(s / "self_dropout", z.dropout),
      cross_dropout(s / "cross_dropout", z.dropout),
      activation_dropout(s / "activation_dropout", z.activation_dropout),
      output_dropout(s / "output_dropout", z.dropout),
      act(z.act),
      path(s.trace_path()) {
  if (!names.cross_norm) return;
  cross.emplace(s, names.cross, AttentionSizes{z.width, z.heads, z.width / z.heads, z.init_std, z.attention_dropout});
  cross_norm.emplace(s / names.cross_norm, z.width, z.eps);
}

Tensor PostNormBlock::operator()(const Tensor& x, const Visibility& visible, const Tensor& memory,
                                 const Visibility& memory_visible, const Context& context) const {
  const TraceScope trace(path);
  Tensor y = self_norm(add(self_dropout(self(x, x, visible, context), context), x));
  if (cross) y = (*cross_norm)(add(cross_dropout((*cross)(y, memory, memory_visible, context), context), y));
  const Tensor inner = activation_dropout(act(up(y)), context);
  return output_norm(add(output_dropout(down(inner), context), y));
}

Tensor PostNormBlock::packed(const Tensor& x, const std::vector<int64_t>& lengths) const {
  const TraceScope trace(path);
  const Tensor y = self_norm(add(self.packed(x, lengths), x));
  return output_norm(add(down(act(up(y))), y));
}

Tensor padded_embedding(const Tensor& weight, const Tensor& ids, int64_t padding) {
  const Tensor x = embedding(weight, ids);
  if (padding < 0 || !recording() || ids.device() == Device::meta) return x;
  const Tensor pad = equal(ids, scalar(static_cast<double>(padding), ids.dtype(), ids.device()));
  return where(unsqueeze(pad, -1), x.detach(), x);
}

}  // namespace gradus
