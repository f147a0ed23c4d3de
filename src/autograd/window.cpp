#include "autograd/window.h"

#include "autograd/record.h"
#include "kernels/table.h"

namespace gradus::detail {

Tensor filled(const Shape& shape, double value, Dtype dtype, Device device) {
  const Tensor y = gradus::empty(shape, dtype, device);
  kernels(device).fill({.y = y, .value = value});
  return y;
}

Assembly::Assembly(const Shape& shape, Dtype dtype, Device device, bool differentiable)
    : whole_(filled(shape, 0, dtype, device)), differentiable_(differentiable) {}

void Assembly::put(const Tensor& part, const Window& window) {
  const Tensor place = window.of(whole_);
  kernels(place.device()).copy({.x = part, .y = place});
  if (!differentiable_) return;
  parts_.push_back(part);
  windows_.push_back(window);
}

Tensor Assembly::finish() {
  record("assemble", parts_, Tensors{whole_}, [windows = windows_](const Tensor& dy) {
    Grads d;
    for (const Window& window : windows) d.push_back(take(dy, window));
    return d;
  });
  return whole_;
}

Tensor take(const Tensor& whole, const Window& window) {
  Tensor dense = whole;
  if (!whole.contiguous()) {
    dense = empty_like(whole);
    kernels(whole.device()).copy({.x = whole, .y = dense});
  }
  const Tensor y = gradus::empty(window.shape, whole.dtype(), whole.device());
  kernels(whole.device()).copy({.x = window.of(dense), .y = y});
  record("take", {whole}, y, [window, shape = whole.shape()](const Tensor& dy) {
    Assembly d(shape, dy.dtype(), dy.device(), true);
    d.put(dy, window);
    return d.finish();
  });
  return y;
}

}  // namespace gradus::detail
