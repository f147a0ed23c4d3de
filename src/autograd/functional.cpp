#include "autograd/functional.h"

#include <string>

#include "autograd/autograd.h"
#include "autograd/evaluation.h"
#include "autograd/window.h"
#include "base/error.h"

namespace gradus {

namespace {

using detail::Assembly;
using detail::Evaluation;
using detail::listed;
using detail::of_many;
using detail::ones_like;
using detail::unit_like;
using detail::Window;
using detail::zeros_like;

void require_fit(const char* op, const char* name, const Tensors& given, const Tensors& like, const char* whose) {
  if (given.size() != like.size())
    throw ValueError(
        op, std::to_string(given.size()) + " " + name + " for " + std::to_string(like.size()) + " " + whose + "s.");
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i].defined()) throw ValueError(op, std::string(name) + " is undefined.");
    const std::string both =
        std::string(name) + " is " + given[i].describe() + ", but the " + whose + " is " + like[i].describe() + ".";
    if (given[i].shape() != like[i].shape()) throw ShapeError(op, both);
    if (given[i].dtype() != like[i].dtype()) throw DtypeError(op, both);
    if (given[i].device() != like[i].device()) throw ValueError(op, both);
  }
}

ManyToMany gradient_of(const ManyToOne& f) {
  return [f](const Tensors& in) { return gradient(f, in); };
}

// u -> J^T u, recorded, so that its gradient by u can be taken in any direction v: J v.
struct Transposed {
  const Evaluation& at;
  Tensors u, image;

  explicit Transposed(const Evaluation& e) : at(e) {
    for (const Tensor& y : e.outputs) {
      u.push_back(zeros_like(y));
      if (is_floating(y.dtype())) require_grad(u.back());
    }
    const EnableGrad on;
    image = e.pull(u, true, true);
  }

  Tensors push(const Tensors& vs, bool keep_graph) const {
    Tensors roots, weights, wanted, tangents(u.size());
    std::vector<size_t> which;
    for (size_t i = 0; i < image.size(); ++i)
      if (requires_grad(image[i])) {
        roots.push_back(image[i]);
        weights.push_back(vs[i]);
      }
    for (size_t i = 0; i < u.size(); ++i)
      if (requires_grad(u[i])) {
        wanted.push_back(u[i]);
        which.push_back(i);
      }
    if (!roots.empty() && !wanted.empty()) {
      const Tensors found =
          grad(roots, wanted, weights, {.retain_graph = keep_graph, .create_graph = at.differentiable});
      for (size_t i = 0; i < which.size(); ++i) tangents[which[i]] = found[i];
    }
    for (size_t i = 0; i < u.size(); ++i)
      if (!tangents[i].defined()) tangents[i] = zeros_like(u[i]);
    return tangents;
  }
};

Shape joined(const Shape& a, const Shape& b) {
  Shape both = Shape::filled(a.rank() + b.rank(), 0);
  for (int i = 0; i < a.rank(); ++i) both[i] = a[i];
  for (int i = 0; i < b.rank(); ++i) both[a.rank() + i] = b[i];
  return both;
}

int64_t total(const Tensors& xs) {
  int64_t n = 0;
  for (const Tensor& x : xs) n += x.count();
  return n;
}

}  // namespace

Tensor gradient(const OneToOne& f, const Tensor& x) { return gradient(of_many(f), Tensors{x})[0]; }
Tensors gradient(const ManyToOne& f, const Tensors& xs) { return value_and_gradient(f, xs).gradient; }

ValueAndGradient value_and_gradient(const ManyToOne& f, const Tensors& xs) {
  const Evaluation e("gradient", listed(f), xs);
  const Tensor& y = e.one_number();
  Tensors d = e.pull({ones_like(y)}, false, e.differentiable);
  return {e.differentiable ? y : y.detach(), std::move(d)};
}

Tensor vjp(const OneToOne& f, const Tensor& x, const Tensor& u) { return vjp(listed(f), Tensors{x}, Tensors{u})[0]; }
Tensors vjp(const ManyToMany& f, const Tensors& xs, const Tensors& us) {
  Evaluation e("vjp", f, xs);
  require_fit("vjp", "u", us, e.outputs, "output");
  for (const Tensor& u : us) e.differentiable = e.differentiable || (recording() && requires_grad(u));
  return e.pull(us, false, e.differentiable);
}

Tensor jvp(const OneToOne& f, const Tensor& x, const Tensor& v) { return jvp(listed(f), Tensors{x}, Tensors{v})[0]; }
Tensors jvp(const ManyToMany& f, const Tensors& xs, const Tensors& vs) {
  Evaluation e("jvp", f, xs);
  require_fit("jvp", "v", vs, xs, "input");
  for (const Tensor& v : vs) e.differentiable = e.differentiable || (recording() && requires_grad(v));
  return Transposed(e).push(vs, false);
}

Tensor jacobian(const OneToOne& f, const Tensor& x, JacobianBy by) { return jacobian(listed(f), Tensors{x}, by)[0][0]; }

std::vector<Tensors> jacobian(const ManyToMany& f, const Tensors& xs, JacobianBy by) {
  const Evaluation e("jacobian", f, xs);
  const int64_t rows = total(e.outputs), columns = total(e.inputs);
  const bool by_rows = by == JacobianBy::rows || (by == JacobianBy::fewer && rows <= columns);
  std::vector<std::vector<Assembly>> blocks;
  for (const Tensor& y : e.outputs) {
    blocks.emplace_back();
    for (const Tensor& x : e.inputs)
      blocks.back().emplace_back(joined(y.shape(), x.shape()), (by_rows ? x : y).dtype(), y.device(), e.differentiable);
  }
  if (by_rows) {
    Tensors seeds;
    for (const Tensor& y : e.outputs) seeds.push_back(zeros_like(y));
    for (size_t o = 0; o < seeds.size(); ++o) {
      const Tensor rest = seeds[o];
      for (int64_t i = 0; i < e.outputs[o].count(); ++i) {
        seeds[o] = unit_like(e.outputs[o], i);
        const Tensors row = e.pull(seeds, true, e.differentiable);
        for (size_t k = 0; k < row.size(); ++k)
          blocks[o][k].put(row[k], Window::dense(row[k].shape(), i * row[k].count()));
      }
      seeds[o] = rest;
    }
  } else {
    const Transposed transposed(e);
    Tensors directions;
    for (const Tensor& x : e.inputs) directions.push_back(zeros_like(x));
    for (size_t k = 0; k < directions.size(); ++k) {
      const Tensor rest = directions[k];
      const int64_t n = e.inputs[k].count();
      for (int64_t j = 0; j < n; ++j) {
        directions[k] = unit_like(e.inputs[k], j);
        const Tensors column = transposed.push(directions, true);
        for (size_t o = 0; o < column.size(); ++o) {
          Window window = Window::dense(column[o].shape(), j);
          for (int axis = 0; axis < window.shape.rank(); ++axis) window.strides[axis] *= n;
          blocks[o][k].put(column[o], window);
        }
      }
      directions[k] = rest;
    }
  }
  std::vector<Tensors> result;
  for (auto& row : blocks) {
    result.emplace_back();
    for (Assembly& block : row) result.back().push_back(block.finish());
  }
  return result;
}

Tensor hessian(const OneToOne& f, const Tensor& x) { return hessian(of_many(f), Tensors{x})[0][0]; }
std::vector<Tensors> hessian(const ManyToOne& f, const Tensors& xs) {
  return jacobian(gradient_of(f), xs, JacobianBy::rows);
}

Tensor hvp(const OneToOne& f, const Tensor& x, const Tensor& v) { return hvp(of_many(f), Tensors{x}, Tensors{v})[0]; }
Tensors hvp(const ManyToOne& f, const Tensors& xs, const Tensors& vs) { return vjp(gradient_of(f), xs, vs); }

}  // namespace gradus
