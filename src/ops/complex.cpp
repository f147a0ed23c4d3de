#include "ops/complex.h"

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

void require_complex(const char* op, const Tensor& z) {
  require_floating(op, z);
  if (z.rank() == 0 || z.shape().back() != 2)
    throw ShapeError(op, "complex numbers are pairs in a last axis of size 2, got " + z.describe() + ".",
                     "complex(re, im) makes them of two real tensors.");
}

namespace {

// a and b of one type and shape. y = a b or a conj(b)
Tensor pair_product(const Tensor& a, const Tensor& b, bool conj_b) {
  Tensor y = empty(a.shape(), a.dtype(), a.device());
  kernels(a.device()).complex_mul({.a = a, .b = b, .y = y, .conj_b = conj_b});
  // y = a b:        da = dy conj(b), db = dy conj(a)
  // y = a conj(b):  da = dy b,       db = a conj(dy)
  record("complex_mul", {a, b}, y, [a = save(a), b = save(b), conj_b](const Tensor& dy, Needs need) {
    return Grads{need[0] ? pair_product(dy, b.get(), !conj_b) : Tensor(), !need[1] ? Tensor()
                                                                          : conj_b ? pair_product(a.get(), dy, true)
                                                                                   : pair_product(dy, a.get(), true)};
  });
  return y;
}

Tensor broadcast_product(const char* op, const Tensor& a, const Tensor& b, bool conj_b) {
  require_complex(op, a);
  require_complex(op, b);
  require_same_device(op, {a, b});
  const Dtype dtype = promote(a.dtype(), b.dtype());
  const Shape shape = broadcast_shapes(op, a.shape(), b.shape());
  return pair_product(expand(cast(a, dtype), shape), expand(cast(b, dtype), shape), conj_b);
}

// |z|², with its pair axis kept at size 1, and 1 in the place of 0
Tensor safe_square(const Tensor& z) {
  const Tensor r2 = sum(square(z), -1, keep_axis);
  return where(equal(r2, zeros_like(r2)), ones_like(r2), r2);
}

}  // namespace

Tensor complex(const Tensor& re, const Tensor& im) {
  require_floating("complex", re);
  require_floating("complex", im);
  require_same_device("complex", {re, im});
  const Dtype dtype = promote(re.dtype(), im.dtype());
  return stack(broadcast_tensors({cast(re, dtype), cast(im, dtype)}), -1);
}

Tensor complex(const Tensor& re) {
  require_floating("complex", re);
  return complex(re, zeros_like(re));
}

Tensor polar(const Tensor& r, const Tensor& angle) {
  require_floating("polar", r);
  require_floating("polar", angle);
  return complex(mul(r, cos(angle)), mul(r, sin(angle)));
}

Tensor complex_real(const Tensor& z) {
  require_complex("complex_real", z);
  return select(z, -1, 0);
}

Tensor complex_imag(const Tensor& z) {
  require_complex("complex_imag", z);
  return select(z, -1, 1);
}

Tensor complex_mul(const Tensor& a, const Tensor& b) { return broadcast_product("complex_mul", a, b, false); }
Tensor complex_mul_conj(const Tensor& a, const Tensor& b) { return broadcast_product("complex_mul_conj", a, b, true); }

Tensor complex_div(const Tensor& a, const Tensor& b) {
  require_complex("complex_div", a);
  require_complex("complex_div", b);
  // Scaled by b's larger part, whose square might otherwise leave the type's range.
  const Tensor larger = max(abs(b.detach()), -1, keep_axis);
  const Tensor scale = where(equal(larger, zeros_like(larger)), ones_like(larger), larger);
  const Tensor c = div(b, scale);
  return div(div(complex_mul_conj(a, c), sum(square(c), -1, keep_axis)), scale);
}

Tensor complex_conj(const Tensor& z) {
  require_complex("complex_conj", z);
  return complex(complex_real(z), neg(complex_imag(z)));
}

Tensor complex_exp(const Tensor& z) {
  require_complex("complex_exp", z);
  return polar(exp(complex_real(z)), complex_imag(z));
}

namespace {

Tensor measured(ComplexPart f, const Tensor& z) {
  Shape shape = z.shape();
  shape.erase(shape.rank() - 1);
  Tensor y = empty(shape, z.dtype(), z.device());
  kernels(z.device()).complex_part({.f = f, .z = z, .y = y});
  return y;
}

}  // namespace

Tensor complex_abs(const Tensor& z) {
  require_complex("complex_abs", z);
  Tensor y = measured(ComplexPart::modulus, z);
  // dz = dy z/|z|
  record("complex_abs", {z}, y, [z = save(z), y = save(y)](const Tensor& dy) {
    const Tensor r = y.get();
    const Tensor safe = where(equal(r, zeros_like(r)), ones_like(r), r);
    return mul(unsqueeze(div(dy, safe), -1), z.get());
  });
  return y;
}

Tensor complex_angle(const Tensor& z) {
  require_complex("complex_angle", z);
  Tensor y = measured(ComplexPart::argument, z);
  // dz = dy i z/|z|²
  record("complex_angle", {z}, y, [z = save(z)](const Tensor& dy) {
    const Tensor turned = complex(neg(complex_imag(z.get())), complex_real(z.get()));
    return mul(unsqueeze(dy, -1), div(turned, safe_square(z.get())));
  });
  return y;
}

Tensor complex_matmul(const Tensor& a, const Tensor& b) {
  require_complex("complex_matmul", a);
  require_complex("complex_matmul", b);
  const Tensor ar = complex_real(a), ai = complex_imag(a), br = complex_real(b), bi = complex_imag(b);
  return complex(sub(matmul(ar, br), matmul(ai, bi)), add(matmul(ar, bi), matmul(ai, br)));
}

}  // namespace gradus
