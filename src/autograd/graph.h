#pragma once
// The recorded graph as text, to look at.
#include <string>

#include "tensor/tensor.h"

namespace gradus {

/// One line an operation, from `root` to the leaves: its number (1 is the oldest), name, outputs, and the numbers of
/// the operations that its inputs came from ("-" for an input without gradient).
///
///     #3 sum () f32 <- #2
///     #2 mul (2, 3) f32 <- #1 -
///     #1 leaf (2, 3) f32
std::string describe_graph(const Tensor& root);

/// The same as a drawing in Graphviz' language: `dot -Tsvg`.
std::string graph_dot(const Tensor& root);

}  // namespace gradus
