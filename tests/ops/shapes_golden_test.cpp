// Against PyTorch: tests/golden/make_shapes_goldens.py made the numbers and says what each tensor is.
#include "autograd/autograd.h"
#include "io/safetensors.h"
#include "ops/complex.h"
#include "ops/einsum.h"
#include "ops/elementwise.h"
#include "ops/fft.h"
#include "ops/fold.h"
#include "ops/pad.h"
#include "ops/rearrange.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr double kEps = 0x1p-52;

const Safetensors& golden() {
  static const Safetensors file(GRADUS_TEST_DIR "/golden/shapes.safetensors");
  return file;
}

void check_value(const Tensor& y, const std::string& name) { check_close(y, golden().load(name), kEps, 8, name); }

// `name` has dy, y and a gradient for each of the inputs, which stand under `root`.
void check_golden(const std::string& name, const std::string& root, const std::vector<std::string>& inputs,
                  const OpCall& call) {
  Tensors in;
  for (const std::string& input : inputs) {
    in.push_back(golden().load(root + "." + input));
    require_grad(in.back());
  }
  const Tensor y = call(in);
  check_value(y, name + ".y");
  backward(y, golden().load(name + ".dy"));
  for (size_t i = 0; i < in.size(); ++i) check_value(grad_of(in[i]), name + ".grad." + inputs[i]);
}

}  // namespace

TEST_CASE("goldens: padding, windows, pixel shuffle") {
  for (const auto& [name, mode] : {std::pair{"constant", PadMode::constant},
                                   {"reflect", PadMode::reflect},
                                   {"replicate", PadMode::replicate},
                                   {"circular", PadMode::circular}})
    check_golden(std::string("pad.") + name, "pad", {"x"}, [mode = mode](const Tensors& in) {
      return pad(in[0], {2, 1, 1, 3}, {.mode = mode, .value = 0.5});
    });
  const Unfold2dOptions how{.dilation = {2, 1}, .padding = {1, 2}, .stride = {1, 2}};
  check_golden("unfold", "unfold", {"x"}, [&](const Tensors& in) { return unfold2d(in[0], {2, 3}, how); });
  check_golden("fold", "fold", {"x"}, [&](const Tensors& in) { return fold2d(in[0], {5, 7}, {2, 3}, how); });
  check_value(pixel_shuffle(golden().load("pixel_shuffle.x"), 3), "pixel_shuffle.y");
}

TEST_CASE("goldens: einsum") {
  const std::vector<std::pair<std::string, int>> equations{
      {"bqhd,bkhd->bhqk", 2}, {"bhqk,bkhd->bqhd", 2},    {"ij,jk,kl->li", 3},
      {"iij,j->i", 2},        {"...ij,...kj->...ik", 2}, {"ba", 1},
      {"bn,anm,bm->ba", 3},
  };
  for (size_t n = 0; n < equations.size(); ++n) {
    const auto& [equation, operands] = equations[n];
    std::vector<std::string> inputs;
    for (int i = 0; i < operands; ++i) inputs.push_back("x" + std::to_string(i));
    const std::string name = "einsum." + std::to_string(n);
    check_golden(name, name, inputs, [&, &equation = equation](const Tensors& in) { return einsum(equation, in); });
  }
}

TEST_CASE("goldens: complex numbers") {
  check_golden("complex.mul", "complex", {"a", "b"}, [](const Tensors& in) { return complex_mul(in[0], in[1]); });
  check_golden("complex.div", "complex", {"a", "b"}, [](const Tensors& in) { return complex_div(in[0], in[1]); });
  check_golden("complex.exp", "complex", {"a"}, [](const Tensors& in) { return complex_exp(in[0]); });
  check_golden("complex.abs", "complex", {"a"}, [](const Tensors& in) { return complex_abs(in[0]); });
  check_golden("complex.angle", "complex", {"a"}, [](const Tensors& in) { return complex_angle(in[0]); });
}

TEST_CASE("goldens: Fourier transforms of the lengths 1 to 40") {
  const auto at = [](const char* name, int64_t start, int64_t length) {
    return narrow(golden().load(name), 0, start, length);
  };
  int64_t start = 0, bins = 0;
  for (int64_t n = 1; n <= 40; ++n) {
    const std::string what = "length " + std::to_string(n);
    const int64_t half = n / 2 + 1;
    const Tensor z = at("fft.z", start, n);
    check_close(fft(z), at("fft.fft", start, n), kEps, 4, "fft, " + what);
    check_close(ifft(z), at("fft.ifft", start, n), kEps, 4, "ifft, " + what);
    check_close(cast(fft(cast(z, Dtype::f32)), Dtype::f64), at("fft.fft", start, n), 0x1p-23, 1, "f32 fft, " + what);

    Tensor x = clone(complex_real(z));
    require_grad(x);
    const Tensor y = rfft(x);
    check_close(y, at("fft.rfft.y", bins, half), kEps, 4, "rfft, " + what);
    backward(y, at("fft.rfft.dy", bins, half));
    check_close(grad_of(x), at("fft.rfft.grad.x", start, n), kEps, 4, "gradient of rfft, " + what);

    Tensor h = clone(narrow(z, 0, 0, half));
    require_grad(h);
    const Tensor back = irfft(h, {.n = n});
    check_close(back, at("fft.irfft.y", start, n), kEps, 4, "irfft, " + what);
    backward(back, at("fft.irfft.dy", start, n));
    check_close(grad_of(h), at("fft.irfft.grad.z", bins, half), kEps, 4, "gradient of irfft, " + what);
    start += n;
    bins += half;
  }
}

TEST_CASE("goldens: norms of Fourier transforms, several axes") {
  const Tensor x = golden().load("fft.norm.x"), z = golden().load("fft.norm.z");
  for (const auto& [name, norm] : {std::pair{"ortho", FftNorm::ortho}, {"forward", FftNorm::forward}}) {
    const std::string root = std::string("fft.norm.") + name + ".";
    check_value(rfft(x, {.norm = norm}), root + "rfft");
    check_value(irfft(z, {.norm = norm}), root + "irfft");
    check_value(fft(z, {.norm = norm}), root + "fft");
    check_value(ifft(z, {.norm = norm}), root + "ifft");
  }
  check_value(rfftn(golden().load("fftn.x"), {.n = {3, 8}, .axes = {0, 2}}), "fftn.rfftn");
  check_value(fftn(golden().load("fftn.z"), {.norm = FftNorm::ortho}), "fftn.fftn");
  check_value(irfftn(golden().load("fftn.z"), {.n = {3, 7}, .norm = FftNorm::ortho}), "fftn.irfftn");
}
