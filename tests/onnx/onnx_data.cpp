#include "onnx/onnx_data.h"

#include <cstring>

#include "base/file.h"
#include "onnx_data.pb.h"

namespace gradus::testing::onnx {

namespace {

template <class Message>
Message parse(const std::filesystem::path& file) {
  Message m;
  if (!m.ParseFromString(read_file(file))) throw std::runtime_error(file.string() + " is no protobuf of this kind");
  return m;
}

// ONNX's numbers of element types.
Dtype dtype_of_onnx(int type) {
  switch (type) {
    case 1: return Dtype::f32;
    case 2: return Dtype::u8;
    case 6: return Dtype::i32;
    case 7: return Dtype::i64;
    case 9: return Dtype::boolean;
    case 10: return Dtype::f16;
    case 11: return Dtype::f64;
    case 16: return Dtype::bf16;
    default: break;
  }
  const char* names[] = {"?", "", "", "int8", "uint16", "int16", "", "", "string", "", "", "", "uint32", "uint64"};
  throw NotCovered(std::string("element type ") + (type >= 0 && type < 14 ? names[type] : "?"));
}

template <class T, class Values>
void fill(const Tensor& y, const Values& values) {
  for (int i = 0; i < values.size(); ++i) y.data<T>()[i] = static_cast<T>(values[i]);
}

Tensor tensor_of(const TensorProto& proto) {
  Shape shape;
  for (int64_t n : proto.dims()) shape.push_back(n);
  const Dtype dtype = dtype_of_onnx(proto.data_type());
  const Tensor y = empty(shape, dtype);
  if (y.count() == 0) return y;
  if (proto.has_raw_data()) {
    if (proto.raw_data().size() != y.bytes()) throw std::runtime_error("raw_data of another size");
    std::memcpy(y.raw(), proto.raw_data().data(), y.bytes());
    return y;
  }
  switch (dtype) {
    case Dtype::f32: fill<float>(y, proto.float_data()); break;
    case Dtype::f64: fill<double>(y, proto.double_data()); break;
    case Dtype::i64: fill<int64_t>(y, proto.int64_data()); break;
    case Dtype::i32: fill<int32_t>(y, proto.int32_data()); break;
    case Dtype::u8: fill<uint8_t>(y, proto.int32_data()); break;
    case Dtype::boolean: fill<bool>(y, proto.int32_data()); break;
    default: fill<uint16_t>(y, proto.int32_data());  // the bits of f16 and bf16
  }
  return y;
}

}  // namespace

Tensor read_tensor(const std::filesystem::path& file) { return tensor_of(parse<TensorProto>(file)); }

Graph read_graph(const std::filesystem::path& file) {
  const auto model = parse<ModelProto>(file);
  const GraphProto& graph = model.graph();
  int64_t opset = 0;
  for (const auto& set : model.opset_import())
    if (set.domain().empty()) opset = set.version();
  Graph g;
  for (const auto& t : graph.initializer()) g.initializers[t.name()] = tensor_of(t);
  for (const auto* values : {&graph.input(), &graph.output()})
    for (const auto& value : *values)
      if (!value.type().has_tensor_type()) throw NotCovered("sequences and optional values");
  for (const auto& in : graph.input())
    if (!g.initializers.count(in.name())) g.inputs.push_back(in.name());
  for (const auto& out : graph.output()) g.outputs.push_back(out.name());
  for (const NodeProto& proto : graph.node()) {
    Node node;
    node.op = proto.op_type(), node.domain = proto.domain(), node.opset = opset;
    node.input_names.assign(proto.input().begin(), proto.input().end());
    node.output_names.assign(proto.output().begin(), proto.output().end());
    for (const AttributeProto& a : proto.attribute()) {
      Node::Attribute& mine = node.attributes[a.name()];
      mine.f = static_cast<double>(a.f()), mine.i = a.i(), mine.s = a.s();
      if (a.has_t()) mine.t = tensor_of(a.t());
      mine.floats.assign(a.floats().begin(), a.floats().end());
      mine.ints.assign(a.ints().begin(), a.ints().end());
    }
    g.nodes.push_back(std::move(node));
  }
  return g;
}

int64_t Node::integer(const std::string& name, int64_t otherwise) const {
  const auto it = attributes.find(name);
  return it == attributes.end() ? otherwise : it->second.i;
}
double Node::number(const std::string& name, double otherwise) const {
  const auto it = attributes.find(name);
  return it == attributes.end() ? otherwise : it->second.f;
}
std::string Node::text(const std::string& name, const std::string& otherwise) const {
  const auto it = attributes.find(name);
  return it == attributes.end() ? otherwise : it->second.s;
}
std::vector<int64_t> Node::integers(const std::string& name, std::vector<int64_t> otherwise) const {
  const auto it = attributes.find(name);
  return it == attributes.end() ? otherwise : it->second.ints;
}
std::vector<int64_t> Node::whole(size_t i, std::vector<int64_t> otherwise) const {
  return input(i).defined() ? input(i).to_vector<int64_t>() : otherwise;
}

Tensors run(const Graph& graph, const Tensors& inputs) {
  std::map<std::string, Tensor> values = graph.initializers;
  for (size_t i = 0; i < graph.inputs.size() && i < inputs.size(); ++i) values[graph.inputs[i]] = inputs[i];
  for (Node node : graph.nodes) {
    const Op op = node.domain.empty() ? find_op(node.op) : nullptr;
    if (!op) throw NotCovered(node.domain + node.op);
    for (const std::string& name : node.input_names) {
      if (!name.empty() && !values.count(name)) throw NotCovered(node.op + " without a value for " + name);
      node.in.push_back(name.empty() ? Tensor() : values.at(name));
    }
    const Tensors out = op(node);
    for (size_t i = 0; i < out.size() && i < node.output_names.size(); ++i) values[node.output_names[i]] = out[i];
  }
  Tensors results;
  for (const std::string& name : graph.outputs) results.push_back(values.count(name) ? values.at(name) : Tensor());
  return results;
}

}  // namespace gradus::testing::onnx
