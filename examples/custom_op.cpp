// An operation of one's own, with its gradient: squareplus(x) = (x + sqrt(x^2 + b)) / 2 (Barron 2021, eq. 1).
#include <gradus/autograd.h>
#include <gradus/core.h>

#include <cmath>
#include <cstdio>

using namespace gradus;

// x (any shape, floating) -> same shape and dtype. Throws DtypeError for integers.
Tensor squareplus(const Tensor& x, double b) {
  require_floating("squareplus", x);
  const Tensor in = contiguous(x.detach()), y = empty_like(in);
  if (x.device() == Device::cpu)  // on the meta device a shape is all there is
    dispatch_floating("squareplus", x.dtype(), [&](auto type) {
      using T = decltype(type);
      const T* from = in.data<T>();
      T* to = y.data<T>();
      parallel_for(in.count(), 4096, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const accumulator_t<T> v = from[i], root = std::sqrt(v * v + static_cast<accumulator_t<T>>(b));
          to[i] = static_cast<T>((v + root) / 2);
        }
      });
    });

  // dx = dy (1 + x / sqrt(x^2 + b)) / 2, out of differentiable operations: so gradients of any order follow.
  record("squareplus", {x}, y, [x = save(x), b](const Tensor& dy) {
    const Tensor v = x.get();
    return dy * ((v / sqrt(square(v) + b) + 1) / 2);
  });
  return y;
}

int main() {
  Tensor x = from_vector(std::vector<double>{-2, -0.5, 0, 1, 3});
  require_grad(x);
  backward(sum(squareplus(x, 4)));
  std::printf("gradient: %s\n", to_string(grad_of(x)).c_str());

  const auto f = [](const Tensors& in) { return squareplus(in[0], 4); };
  const GradCheckResult check = check_gradients(f, {x}, {.second_order = true});
  std::printf("finite differences, first and second order: %s\n", check.ok ? "agree" : check.where.c_str());

  try {
    squareplus(arange(3), 4);
  } catch (const DtypeError& e) {
    std::printf("refused: %s\n", e.what());
  }
  return check.ok ? 0 : 1;
}
