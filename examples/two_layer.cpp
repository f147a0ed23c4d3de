// Two layers learn on which of two entangled spirals a point of the plane lies.
#include <gradus/core.h>

#include <cstdio>

using namespace gradus;

struct Net {
  Linear hidden, output;
  explicit Net(const Scope& s)
      : hidden(s / "hidden", 2, 64, {.init_std = 2}), output(s / "output", 64, 2, {.init_std = 0.1}) {}
  Tensor operator()(const Tensor& x) const { return output(tanh(hidden(x))); }
};

// 2n points: n of each spiral, `shift` of a step further out. x (2n, 2), labels (2n).
struct Spirals {
  Tensor x, labels;
  Spirals(int64_t n, double shift) {
    const Tensor t = arange(n, Dtype::f32, shift / n, 1.0 / n), radius = t + 0.2, angle = t * 6;
    const Tensor arm = concat({unsqueeze(radius * cos(angle), 1), unsqueeze(radius * sin(angle), 1)}, 1);
    x = concat({arm, -arm}), labels = concat({zeros({n}, Dtype::i64), ones({n}, Dtype::i64)});
  }
};

int main() {
  Parameters parameters({.seed = 1});
  const Net net{Scope(parameters)};
  AdamW optimizer(parameters, {.weight_decay = 1e-4});
  const Spirals train(200, 0), held_out(200, 0.5);
  for (int step = 0; step < 400; ++step) {
    const Tensor loss = cross_entropy(net(train.x), train.labels);
    backward(loss);
    optimizer.step(0.01);
    for (const Parameter& p : parameters.all()) clear_grad(p.value);
    if (step % 100 == 0) std::printf("step %3d  loss %.4f\n", step, loss.item());
  }
  const Tensor right = equal(argmax(net(held_out.x)), held_out.labels);
  std::printf("accuracy on points between: %.3f\n", mean(cast(right, Dtype::f32)).item());
}
