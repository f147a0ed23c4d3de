#include "autograd/graph.h"

#include <algorithm>
#include <unordered_map>

#include "autograd/node.h"
#include "base/error.h"

namespace gradus {

namespace {

struct Numbered {
  std::vector<const Node*> nodes;  // from old to new
  std::unordered_map<const Node*, size_t> number;

  explicit Numbered(const Tensor& root) {
    if (!root.defined()) throw ValueError("describe_graph", "the tensor is undefined.");
    const auto visit = [&](const Node* node) {
      if (node && number.try_emplace(node, 0).second) nodes.push_back(node);
    };
    visit(static_cast<const Node*>(root.history().get()));
    for (size_t i = 0; i < nodes.size(); ++i)
      for (const Edge& edge : nodes[i]->edges()) visit(edge.node.get());
    std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->sequence() < b->sequence(); });
    for (size_t i = 0; i < nodes.size(); ++i) number[nodes[i]] = i + 1;
  }
};

std::string title(const Node& node) {
  std::string text = node.op();
  for (int i = 0; i < node.outputs(); ++i) text += (i ? ", " : " ") + node.describe_output(i);
  return text;
}

}  // namespace

std::string describe_graph(const Tensor& root) {
  const Numbered graph(root);
  std::string text;
  for (size_t i = graph.nodes.size(); i > 0; --i) {
    const Node& node = *graph.nodes[i - 1];
    text += "#" + std::to_string(i) + " " + title(node);
    if (!node.edges().empty()) text += " <-";
    for (const Edge& edge : node.edges()) {
      text += edge.node ? " #" + std::to_string(graph.number.at(edge.node.get())) : " -";
      if (edge.node && edge.node->outputs() > 1) text += "." + std::to_string(edge.output);
    }
    text += "\n";
  }
  return text;
}

std::string graph_dot(const Tensor& root) {
  const Numbered graph(root);
  std::string text = "digraph gradients {\n  rankdir=BT;\n  node [shape=box];\n";
  for (size_t i = 1; i <= graph.nodes.size(); ++i) {
    const Node& node = *graph.nodes[i - 1];
    text += "  n" + std::to_string(i) + " [label=\"" + title(node) + "\"" + (node.is_leaf() ? ", style=filled" : "") +
            "];\n";
    for (const Edge& edge : node.edges())
      if (edge.node)
        text += "  n" + std::to_string(graph.number.at(edge.node.get())) + " -> n" + std::to_string(i) + ";\n";
  }
  return text + "}\n";
}

}  // namespace gradus
