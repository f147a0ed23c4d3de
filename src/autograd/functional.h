#pragma once
// Derivatives of functions: f and a point go in, a derivative at the point comes out.
#include <functional>
#include <vector>

#include "base/random.h"
#include "tensor/tensor.h"

namespace gradus {

// f may be any callable that computes with differentiable operations; it is called inside EnableGrad, and what it
// captures counts as constant. Inputs are floating tensors on one device, whether or not they require a gradient; a
// function that does not depend on an input has the derivative 0 there.
//
// A derivative is an operation like others: where the caller is recording() and an input, or anything that f captured,
// requires a gradient, the result has a history and can be differentiated again. Inside NoGrad it is just numbers, and
// costs less.
//
// All throw ShapeError, DtypeError or ValueError for operands that do not fit f, GradError naming an operation without
// a rule.

using OneToOne = std::function<Tensor(const Tensor&)>;
using ManyToOne = std::function<Tensor(const Tensors&)>;
using ManyToMany = std::function<Tensors(const Tensors&)>;

/// df/dx of a function with one number as its value, x's shape: one backward pass.
Tensor gradient(const OneToOne& f, const Tensor& x);
Tensors gradient(const ManyToOne& f, const Tensors& xs);

struct ValueAndGradient {
  Tensor value;
  Tensors gradient;
};
ValueAndGradient value_and_gradient(const ManyToOne& f, const Tensors& xs);

/// Vector-Jacobian product, sum_i u_i df_i/dx: u has the shape of f(x), the result x's. One backward pass.
Tensor vjp(const OneToOne& f, const Tensor& x, const Tensor& u);
Tensors vjp(const ManyToMany& f, const Tensors& xs, const Tensors& us);

/// Jacobian-vector product, sum_j v_j df/dx_j = d/dt f(x + t v) at t = 0: v has x's shape, the result that of f(x).
/// The vjp u -> J^T u is linear, so the gradient of v . J^T u by u is J v, whatever u is: two backward passes, the
/// first one recorded, and every operation with a second derivative has it. J is never made.
Tensor jvp(const OneToOne& f, const Tensor& x, const Tensor& v);
Tensors jvp(const ManyToMany& f, const Tensors& xs, const Tensors& vs);

/// The same under its name in calculus; v is taken as it is, not made a unit vector.
inline Tensor directional_derivative(const OneToOne& f, const Tensor& x, const Tensor& v) { return jvp(f, x, v); }

enum class JacobianBy : uint8_t {
  fewer,    ///< whichever of the two takes fewer passes
  rows,     ///< a vjp for each element of f(x)
  columns,  ///< a jvp for each element of x, over one recorded pass
};

/// J[i…, j…] = df_i/dx_j: the shape of f(x) followed by x's.
Tensor jacobian(const OneToOne& f, const Tensor& x, JacobianBy by = JacobianBy::fewer);
/// [output][input] -> the shape of that output followed by that input's.
std::vector<Tensors> jacobian(const ManyToMany& f, const Tensors& xs, JacobianBy by = JacobianBy::fewer);

/// H[i…, j…] = d2f/dx_i dx_j: x's shape twice. The Jacobian of the gradient, a pass for each element of x.
Tensor hessian(const OneToOne& f, const Tensor& x);
/// [i][j] -> the shapes of inputs i and j.
std::vector<Tensors> hessian(const ManyToOne& f, const Tensors& xs);

/// H v, x's shape, without H: the vjp of the gradient, three passes. That is v^T H, the same wherever second
/// derivatives are continuous, so vhp() is another name for it.
Tensor hvp(const OneToOne& f, const Tensor& x, const Tensor& v);
Tensors hvp(const ManyToOne& f, const Tensors& xs, const Tensors& vs);
inline Tensor vhp(const OneToOne& f, const Tensor& x, const Tensor& v) { return hvp(f, x, v); }

/// sum_k d2f/dx_k2 over the last axis of x (..., n): f(x) has the leading shape (...), and each of its values depends
/// on its own row of x alone. n passes for all rows together.
Tensor laplacian(const OneToOne& f, const Tensor& x);

struct TraceOptions {
  int samples = 16;
  RandomKey key;
};
struct TraceEstimate {
  double trace = 0;
  double standard_error = 0;  ///< of the mean over the samples; 0 for a single one
};
/// tr H = E[z^T H z] with random signs z (Hutchinson 1989): one hvp a sample, however many elements x has. Exact from
/// one sample on where H is diagonal.
TraceEstimate hessian_trace(const ManyToOne& f, const Tensors& xs, TraceOptions options = {});

/// The derivative of the given order of a function that works element by element (y_i depends on x_i alone): x's shape.
/// Order 0 is f(x). One pass an order, each over the graph of those before: the work grows exponentially with it.
Tensor derivative(const OneToOne& f, const Tensor& x, int order = 1);

/// The gradient of each sample's own loss. `batch` holds tensors of any type whose first axis counts the samples;
/// `loss` gets them with a first axis of size 1, as constants, and returns one number. Result k has the shape (samples,
/// shape of parameter k). A forward and a backward pass a sample, one after the other: the work of the batch, and the
/// memory of a sample.
Tensors per_sample_gradients(const ManyToOne& loss, const Tensors& parameters, const Tensors& batch);

}  // namespace gradus
