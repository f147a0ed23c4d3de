#pragma once
// Reads ONNX's operator test data and runs its small graphs with the public ops.
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace gradus::testing::onnx {

/// An operation, an element type or a setting that Gradus does not have: the case is not covered.
struct NotCovered : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One node of a graph: what the op sees. Attribute getters give the default that the standard states.
struct Node {
  std::string op, domain;
  int64_t opset = 0;
  std::vector<std::string> input_names, output_names;
  Tensors in;  ///< undefined: left out

  struct Attribute {
    double f = 0;
    int64_t i = 0;
    std::string s;
    Tensor t;
    std::vector<double> floats;
    std::vector<int64_t> ints;
  };
  std::map<std::string, Attribute> attributes;

  bool has(const std::string& name) const { return attributes.count(name) > 0; }
  int64_t integer(const std::string& name, int64_t otherwise) const;
  double number(const std::string& name, double otherwise) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  std::vector<int64_t> integers(const std::string& name, std::vector<int64_t> otherwise = {}) const;
  /// Input i, or undefined when there is none.
  Tensor input(size_t i) const { return i < in.size() ? in[i] : Tensor(); }
  /// Whole numbers from input i; `otherwise` when it is left out.
  std::vector<int64_t> whole(size_t i, std::vector<int64_t> otherwise = {}) const;
  size_t outputs() const { return output_names.size(); }
};

struct Graph {
  std::vector<Node> nodes;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, Tensor> initializers;
};

/// Throws NotCovered for element types that Gradus does not have.
Graph read_graph(const std::filesystem::path& model);
Tensor read_tensor(const std::filesystem::path& file);

using Op = Tensors (*)(const Node& node);
/// By ONNX's name; null when there is none.
Op find_op(const std::string& name);

/// The graph's outputs. Throws NotCovered.
Tensors run(const Graph& graph, const Tensors& inputs);

}  // namespace gradus::testing::onnx
