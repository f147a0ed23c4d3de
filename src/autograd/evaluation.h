#pragma once
// What the files behind functional.h share.
#include "autograd/functional.h"

namespace gradus::detail {

Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
/// Zero but for a 1 at flat index i.
Tensor unit_like(const Tensor& x, int64_t i);

/// f at stand-ins for the inputs, recorded whatever the caller does.
struct Evaluation {
  const char* op;
  Tensors inputs, outputs;
  bool differentiable = false;  ///< the caller records, and something of his requires a gradient

  Evaluation(const char* op, const ManyToMany& f, const Tensors& xs);
  /// The gradients of the outputs weighed with `seeds`; 0 for an input that they do not depend on.
  Tensors pull(const Tensors& seeds, bool keep_graph, bool create_graph) const;
  /// The value of a function that must give one number. Throws ShapeError.
  const Tensor& one_number() const;

 private:
  bool reaches_other_leaves() const;
};

/// The same function under the most general signature. Throw ValueError for an empty one.
ManyToMany listed(const OneToOne& f);
ManyToMany listed(const ManyToOne& f);
ManyToOne of_many(const OneToOne& f);

}  // namespace gradus::detail
