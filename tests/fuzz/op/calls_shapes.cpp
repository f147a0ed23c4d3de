// Shape ops, padding and windows, einsum, grouped products, complex numbers, Fourier transforms.
#include "fuzz/op/calls.h"
#include "ops/complex.h"
#include "ops/einsum.h"
#include "ops/fft.h"
#include "ops/fold.h"
#include "ops/grouped_matmul.h"
#include "ops/pad.h"
#include "ops/rearrange.h"
#include "ops/shape.h"

namespace gradus::fuzz {

namespace {

Tensors call_movedim(Dice& d) {
  const Tensor x = d.any();
  if (d.chance(0.7)) return {movedim(x, d.axis(rank_of(x)), d.axis(rank_of(x)))};
  return {movedim(x, d.axes(rank_of(x)), d.axes(rank_of(x)))};
}
Tensors call_broadcast_tensors(Dice& d) {
  Tensors xs{d.any()};
  for (int64_t i = d.below(3); i > 0; --i)
    xs.push_back(d.tensor(d.odd() ? d.shape() : d.broadcastable(shape_of(xs[0])), d.dtype()));
  return broadcast_tensors(xs);
}
Tensors call_unsqueeze(Dice& d) {
  const Tensor x = d.any();
  const std::vector<int> axes = d.axes(rank_of(x) + 1);
  return {unsqueeze(x, axes)};
}
Tensors call_squeeze(Dice& d) {
  const Tensor x = d.any();
  return {d.coin() ? squeeze(x) : squeeze(x, d.axes(rank_of(x)))};
}
Tensors call_flatten(Dice& d) {
  const Tensor x = d.any();
  return {flatten(x, d.axis(rank_of(x)), d.axis(rank_of(x)))};
}
Tensors call_unflatten(Dice& d) {
  const Tensor x = d.any();
  const int axis = d.axis(rank_of(x));
  const int64_t n = size_of_axis(x, axis);
  if (d.odd()) return {unflatten(x, axis, {d.size(), d.size()})};
  return {n % 2 == 0 && d.coin() ? unflatten(x, axis, {2, -1}) : unflatten(x, axis, {1, n})};
}
Tensors call_slice(Dice& d) {
  const Tensor x = d.any();
  const auto place = [&] { return d.odd() ? d.one_of({kEnd, INT64_MIN, d.size()}) : d.between(-5, 5); };
  const int64_t step = d.odd() ? d.one_of({INT64_MAX, INT64_MIN, int64_t{0}}) : d.between(-3, 3);
  return {slice(x, d.axis(rank_of(x)), place(), place(), step)};
}
Tensors call_diagonal(Dice& d) {
  const Tensor x = d.any();
  const int64_t offset = d.odd() ? d.one_of({INT64_MAX, INT64_MIN}) : d.between(-3, 3);
  return {diagonal(x, offset, d.axis(rank_of(x)), d.axis(rank_of(x)))};
}
Tensors call_unfold(Dice& d) {
  const Tensor x = d.any();
  return {unfold(x, d.axis(rank_of(x)), d.small(1, 3), d.small(1, 3), d.small(1, 2))};
}
Tensors call_overlap_add(Dice& d) {
  const Tensor x = d.floats();
  const int axis = d.axis(rank_of(x) - 1);
  const int64_t step = d.small(1, 3), dilation = d.small(1, 2), n = size_of_axis(x, axis), size = size_of_axis(x, -1);
  const int64_t length = d.odd() || step > 9 || dilation > 9 ? d.size() : (n - 1) * step + (size - 1) * dilation + 1;
  return {overlap_add(x, axis, length, step, dilation)};
}
PerAxis two(Dice& d, int64_t low, int64_t high) {
  if (d.odd()) return d.one_of({PerAxis(), PerAxis{1, 1, 1}, PerAxis(d.size())});
  return d.coin() ? PerAxis(d.small(low, high)) : PerAxis{d.between(low, high), d.between(low, high)};
}
Unfold2dOptions unfold_options(Dice& d) {
  return {.dilation = two(d, 1, 2), .padding = two(d, 0, 2), .stride = two(d, 1, 3)};
}
Tensors call_unfold2d(Dice& d) {
  const Tensor x = d.floats(d.odd() ? d.shape() : Shape{d.below(3), d.below(3), d.between(1, 6), d.between(1, 6)});
  return {unfold2d(x, two(d, 1, 3), unfold_options(d))};
}
Tensors call_fold2d(Dice& d) {
  const int64_t kernel = d.between(1, 3), height = d.between(kernel, 6), width = d.between(kernel, 6);
  const int64_t places = (height - kernel + 1) * (width - kernel + 1);
  const Tensor x = d.floats(d.odd() ? d.shape() : Shape{d.below(3), d.below(3) * kernel * kernel, places});
  return {fold2d(x, {height, width}, kernel, d.odd() ? unfold_options(d) : Unfold2dOptions())};
}
Tensors call_split(Dice& d) {
  const Tensor x = d.any();
  const int axis = d.axis(rank_of(x));
  switch (d.below(3)) {
    case 0: return chunk(x, d.small(1, 4), axis);
    case 1: return tensor_split(x, d.small(1, 4), axis);
    default: return unbind(x, axis);
  }
}
Tensors call_stack(Dice& d) {
  Tensors xs{d.any()};
  for (int64_t i = d.below(3); i > 0; --i)
    xs.push_back(d.odd() ? d.any() : d.tensor(shape_of(xs[0]), xs[0].defined() ? xs[0].dtype() : d.dtype()));
  return {stack(xs, d.axis(rank_of(xs[0]) + 1))};
}
Tensors call_pad(Dice& d) {
  const Tensor x = d.any();
  std::vector<int64_t> pads;
  for (int64_t i = d.odd() ? 9 : d.between(0, 2 * rank_of(x)) / 2 * 2; i > 0; --i)
    pads.push_back(d.odd() ? d.one_of({INT64_MAX, INT64_MIN, d.size()}) : d.between(-1, 2));
  const auto mode = d.one_of({PadMode::constant, PadMode::reflect, PadMode::replicate, PadMode::circular});
  return {pad(x, pads, {.mode = mode, .value = d.number()})};
}
Tensors call_roll(Dice& d) {
  const Tensor x = d.any();
  const std::vector<int> axes = d.axes(rank_of(x));
  std::vector<int64_t> shifts;
  for (size_t i = d.odd() ? 1 : 0; i < axes.size(); ++i)
    shifts.push_back(d.odd() ? d.one_of({INT64_MAX, INT64_MIN}) : d.between(-7, 7));
  return {roll(x, shifts, axes)};
}
Tensors call_rot90(Dice& d) {
  const Tensor x = d.any();
  const int times = static_cast<int>(d.odd() ? INT32_MIN : d.between(-5, 5));
  return {rot90(x, times, d.axis(rank_of(x)), d.axis(rank_of(x)))};
}
Tensors call_tile(Dice& d) {
  const Tensor x = d.any();
  std::vector<int64_t> counts;
  for (int64_t i = d.below(rank_of(x) + 2); i > 0; --i) counts.push_back(d.small(0, 3));
  return {tile(x, counts)};
}
Tensors call_repeat_interleave(Dice& d) {
  const Tensor x = d.chance(0.7) ? d.floats() : d.any();
  const int axis = d.axis(rank_of(x));
  if (d.coin()) return {repeat_interleave(x, d.small(0, 3), axis)};
  std::vector<int64_t> counts;
  for (int64_t i = d.odd() ? 3 : std::min<int64_t>(size_of_axis(x, axis), 20); i > 0; --i)
    counts.push_back(d.odd() ? d.size() : d.below(3));
  return {repeat_interleave(x, counts, axis)};
}
Tensors vectors(Dice& d) {
  Tensors xs;
  const Dtype dtype = d.dtype();
  for (int64_t i = d.odd() ? 9 : d.below(4); i > 0; --i)
    xs.push_back(d.tensor(d.odd() ? d.shape() : Shape{d.below(4)}, dtype));
  return xs;
}
Tensors call_pixel_shuffle(Dice& d) {
  const int64_t r = d.between(1, 3);
  if (d.odd()) return {pixel_shuffle(d.any(), d.small(1, 3)), pixel_unshuffle(d.any(), d.small(1, 3))};
  return {pixel_shuffle(d.tensor({d.below(3), d.below(3) * r * r, d.below(4), d.below(4)}, d.dtype()), r)};
}
Tensors call_pixel_unshuffle(Dice& d) {
  const int64_t r = d.between(1, 3);
  return {pixel_unshuffle(d.tensor({d.below(3), d.below(4) * r, d.below(4) * r}, d.dtype()), r)};
}

// A random equation over a few letters whose sizes are fixed; now and then a character too many or too few.
Tensors call_einsum(Dice& d) {
  const std::string letters = "abcdE";
  int64_t sizes[5];
  for (int64_t& size : sizes) size = d.odd() ? 0 : d.between(1, 3);
  std::string equation, used;
  Tensors operands;
  for (int64_t n = d.between(1, 3); n > 0; --n) {
    if (!operands.empty()) equation += ',';
    Shape shape;
    for (int64_t i = d.below(4); i > 0; --i) {
      const int64_t letter = d.below(5);
      equation += letters[static_cast<size_t>(letter)];
      used += letters[static_cast<size_t>(letter)];
      shape.push_back(d.odd() ? 1 : sizes[letter]);
    }
    if (d.chance(0.2)) {
      equation += "...";
      for (int64_t i = d.below(3); i > 0; --i) shape.push_back(d.coin() ? 2 : 1);
    }
    operands.push_back(d.floats(d.odd() ? d.shape() : shape));
  }
  if (d.chance(0.8)) {
    equation += "->";
    if (d.chance(0.3)) equation += "...";
    for (char c : letters)
      if (used.find(c) != std::string::npos && d.coin()) equation += c;
  }
  if (d.odd()) equation += d.one_of({'-', '>', '.', ',', 'q', ' ', '\0'});
  return {einsum(equation, operands)};
}

Tensors call_grouped(Dice& d) {
  const int64_t groups = d.below(4), depth = d.below(5), n = d.below(5);
  std::vector<int64_t> counts;
  int64_t rows = 0;
  for (int64_t g = 0; g < groups; ++g) counts.push_back(d.below(4)), rows += counts.back();
  if (d.odd() && groups > 0) counts[0] = d.one_of({INT64_MAX, INT64_MIN, int64_t{-1}, int64_t{9}});
  const Tensor sizes = d.odd() ? d.indices(d.shape(2), 3) : from_vector(counts);
  const Tensor x = d.floats(d.odd() ? d.shape() : Shape{rows, depth});
  if (d.coin()) return {grouped_outer(x, d.floats(d.odd() ? d.shape() : Shape{rows, n}), sizes)};
  const Tensor w = d.floats(d.odd() ? d.shape() : Shape{groups, depth, n});
  return {grouped_matmul(x, w, sizes)};
}

Tensor pairs(Dice& d) {
  if (d.odd()) return d.any();
  Shape shape = d.shape(4);
  shape.push_back(2);
  return d.floats(shape);
}
template <Tensor (*F)(const Tensor&)>
Tensors of_pairs(Dice& d) {
  return {F(pairs(d))};
}
template <Tensor (*F)(const Tensor&, const Tensor&)>
Tensors of_two(Dice& d) {
  const Tensor a = pairs(d);
  Shape shape = d.broadcastable(shape_of(a));
  if (shape.rank() > 0 && !d.odd()) shape[shape.rank() - 1] = 2;
  return {F(a, d.floats(shape))};
}
Tensors call_complex(Dice& d) {
  const Tensor re = d.floats();
  if (d.chance(0.3)) return {complex(re)};
  return {complex(re, d.floats(d.broadcastable(shape_of(re))))};
}
Tensors call_polar(Dice& d) {
  const Tensor r = d.floats();
  return {polar(r, d.floats(d.broadcastable(shape_of(r))))};
}
Tensors call_complex_matmul(Dice& d) {
  const int64_t k = d.below(4);
  return {complex_matmul(d.floats({d.below(3), d.below(4), k, 2}), d.floats({d.odd() ? 5 : k, d.below(4), 2}))};
}

FftOptions fft_options(Dice& d, int rank) {
  const auto norm = d.one_of({FftNorm::backward, FftNorm::ortho, FftNorm::forward});
  return {.n = d.chance(0.3) ? d.size(13) : 0, .axis = d.axis(rank), .norm = norm};
}
template <Tensor (*F)(const Tensor&, FftOptions), bool kReal>
Tensors one_axis(Dice& d) {
  const Tensor x = kReal ? d.floats() : pairs(d);
  return {F(x, fft_options(d, rank_of(x) - (kReal ? 0 : 1)))};
}
template <Tensor (*F)(const Tensor&, FftnOptions), bool kReal>
Tensors many_axes(Dice& d) {
  const Tensor x = kReal ? d.floats() : pairs(d);
  FftnOptions o;
  o.norm = d.one_of({FftNorm::backward, FftNorm::ortho, FftNorm::forward});
  if (d.chance(0.7)) o.axes = d.axes(rank_of(x) - (kReal ? 0 : 1));
  if (d.chance(0.3))
    for (int i = 0; i < o.axes.size(); ++i) o.n.push_back(d.small(1, 6));
  return {F(x, o)};
}
Tensors call_fftshift(Dice& d) {
  const Tensor x = d.any();
  const std::vector<int> axes = d.axes(rank_of(x));
  if (d.odd()) return {fftfreq(d.size(), d.number(), d.dtype()), rfftfreq(d.size(), d.number(), d.dtype())};
  return {d.coin() ? fftshift(x, axes) : ifftshift(x, axes)};
}
Tensors call_fft_conv1d(Dice& d) {
  const Tensor x = d.floats(d.shape(4));
  Shape shape = d.broadcastable(shape_of(x));
  if (shape.rank() > 0) shape[shape.rank() - 1] = d.below(6);
  return {fft_conv1d(x, d.floats(shape))};
}

}  // namespace

std::vector<Call> shapes_calls() {
  return {
      {"movedim", call_movedim},
      {"broadcast_tensors", call_broadcast_tensors},
      {"unsqueeze", call_unsqueeze},
      {"squeeze", call_squeeze},
      {"flatten", call_flatten},
      {"unflatten", call_unflatten},
      {"slice", call_slice},
      {"diagonal", call_diagonal},
      {"unfold", call_unfold},
      {"overlap_add", call_overlap_add},
      {"unfold2d", call_unfold2d},
      {"fold2d", call_fold2d},
      {"split", call_split},
      {"stack", call_stack},
      {"pad", call_pad},
      {"flip",
       [](Dice& d) -> Tensors {
         const Tensor x = d.any();
         return {flip(x, d.axes(rank_of(x)))};
       }},
      {"roll", call_roll},
      {"rot90", call_rot90},
      {"tile", call_tile},
      {"repeat_interleave", call_repeat_interleave},
      {"meshgrid", [](Dice& d) -> Tensors { return meshgrid(vectors(d)); }},
      {"cartesian_product", [](Dice& d) -> Tensors { return {cartesian_product(vectors(d))}; }},
      {"pixel_shuffle", call_pixel_shuffle},
      {"pixel_unshuffle", call_pixel_unshuffle},
      {"einsum", call_einsum},
      {"grouped_matmul", call_grouped},
      {"grouped_outer", call_grouped},
      {"complex", call_complex},
      {"polar", call_polar},
      {"complex_real", of_pairs<complex_real>},
      {"complex_imag", of_pairs<complex_imag>},
      {"complex_mul", of_two<complex_mul>},
      {"complex_mul_conj", of_two<complex_mul_conj>},
      {"complex_div", of_two<complex_div>},
      {"complex_conj", of_pairs<complex_conj>},
      {"complex_exp", of_pairs<complex_exp>},
      {"complex_abs", of_pairs<complex_abs>},
      {"complex_angle", of_pairs<complex_angle>},
      {"complex_matmul", call_complex_matmul},
      {"fft", one_axis<fft, false>},
      {"ifft", one_axis<ifft, false>},
      {"rfft", one_axis<rfft, true>},
      {"irfft", one_axis<irfft, false>},
      {"fftn", many_axes<fftn, false>},
      {"ifftn", many_axes<ifftn, false>},
      {"rfftn", many_axes<rfftn, true>},
      {"irfftn", many_axes<irfftn, false>},
      {"fftshift", call_fftshift},
      {"fft_conv1d", call_fft_conv1d},
  };
}

}  // namespace gradus::fuzz
