#include "kernels/cpu/onednn_matmul.h"

#include <oneapi/dnnl/dnnl.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>

#include "base/error.h"

namespace gradus::cpu {

namespace {

void require(dnnl_status_t status, const char* what) {
  if (status != dnnl_success)
    throw ValueError("matmul",
                     "oneDNN refused a product: " + std::string(what) + " (status " + std::to_string(status) + ").");
}

// An object of oneDNN's C interface, destroyed at the end.
template <class T, dnnl_status_t (*destroy)(T)>
struct Destroy {
  void operator()(std::remove_pointer_t<T>* p) const { destroy(p); }
};
template <class T, dnnl_status_t (*destroy)(T)>
using Held = std::unique_ptr<std::remove_pointer_t<T>, Destroy<T, destroy>>;
using Attributes = Held<dnnl_primitive_attr_t, dnnl_primitive_attr_destroy>;
using PostOps = Held<dnnl_post_ops_t, dnnl_post_ops_destroy>;
using Description = Held<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy>;
using Primitive = Held<dnnl_primitive_t, dnnl_primitive_destroy>;
using Memory = Held<dnnl_memory_t, dnnl_memory_destroy>;
using Stream = Held<dnnl_stream_t, dnnl_stream_destroy>;

dnnl_engine_t engine() {
  static const dnnl_engine_t one = [] {  // kept to the end of the process, as primitives are
    dnnl_engine_t e{};
    require(dnnl_engine_create(&e, dnnl_cpu, 0), "engine");
    return e;
  }();
  return one;
}

dnnl_memory_desc_t layout(int64_t rows, int64_t columns, int64_t ld, bool transposed, dnnl_data_type_t type) {
  const dnnl_dims_t sizes = {rows, columns};
  const dnnl_dims_t strides = {transposed ? 1 : ld, transposed ? ld : 1};
  dnnl_memory_desc_t out;
  require(dnnl_memory_desc_init_by_strides(&out, 2, sizes, type, strides), "layout");
  return out;
}

struct Planned {
  dnnl_memory_desc_t a, b, c;
  Primitive primitive;
};

Planned plan(const OnednnMatmul& g) {
  const dnnl_data_type_t type = g.type == OperandType::bf16 ? dnnl_bf16 : dnnl_f32;
  Planned p{layout(g.m, g.k, g.lda, g.transpose_a, type),
            layout(g.k, g.n, g.ldb, g.transpose_b, type),
            layout(g.m, g.n, g.ldc, false, dnnl_f32),
            {}};
  dnnl_matmul_desc_t product;
  require(dnnl_matmul_desc_init(&product, &p.a, &p.b, nullptr, &p.c), "description");
  dnnl_primitive_attr_t made_attributes{};
  require(dnnl_primitive_attr_create(&made_attributes), "attributes");
  const Attributes attributes(made_attributes);
  if (g.alpha != 1) require(dnnl_primitive_attr_set_output_scales(attributes.get(), 1, 0, &g.alpha), "alpha");
  if (g.beta != 0) {
    dnnl_post_ops_t made_ops{};
    require(dnnl_post_ops_create(&made_ops), "post-operations");
    const PostOps ops(made_ops);
    require(dnnl_post_ops_append_sum(ops.get(), g.beta), "beta");
    require(dnnl_primitive_attr_set_post_ops(attributes.get(), ops.get()), "beta");
  }
  dnnl_primitive_desc_t made_description{};
  require(dnnl_primitive_desc_create(&made_description, &product, attributes.get(), engine(), nullptr), "plan");
  const Description description(made_description);
  dnnl_primitive_t made_primitive{};
  require(dnnl_primitive_create(&made_primitive, description.get()), "primitive");
  p.primitive.reset(made_primitive);
  return p;
}

// A training step asks for the same few products again and again.
const Planned& planned(const OnednnMatmul& g) {
  using Key = std::tuple<OperandType, bool, bool, int64_t, int64_t, int64_t, float, float, int64_t, int64_t, int64_t>;
  constexpr size_t kMost = 512;
  static thread_local std::map<Key, Planned> plans;
  const Key key{g.type, g.transpose_a, g.transpose_b, g.m, g.n, g.k, g.alpha, g.beta, g.lda, g.ldb, g.ldc};
  const auto found = plans.find(key);
  if (found != plans.end()) return found->second;
  if (plans.size() >= kMost) plans.clear();
  return plans.emplace(key, plan(g)).first->second;
}

Memory memory_at(const dnnl_memory_desc_t& layout, const void* data) {
  dnnl_memory_t made{};
  require(dnnl_memory_create(&made, &layout, engine(), const_cast<void*>(data)), "memory");
  return Memory(made);
}

dnnl_stream_t stream() {
  static thread_local const Stream one = [] {
    dnnl_stream_t made{};
    require(dnnl_stream_create(&made, engine(), dnnl_stream_default_flags), "stream");
    return Stream(made);
  }();
  return one.get();
}

}  // namespace

bool multiplies_bf16() {
  static const bool yes = [] {
    constexpr int kWanted = dnnl_cpu_isa_avx512_core_bf16;  // a set of bits
    return (dnnl_get_effective_cpu_isa() & kWanted) == kWanted;
  }();
  return yes;
}

void onednn_matmul(const OnednnMatmul& g) {
  if (g.m == 0 || g.n == 0) return;
  const Planned& p = planned(g);
  const Memory a = memory_at(p.a, g.a), b = memory_at(p.b, g.b), c = memory_at(p.c, g.c);
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, a.get()}, {DNNL_ARG_WEIGHTS, b.get()}, {DNNL_ARG_DST, c.get()}};
  require(dnnl_primitive_execute(p.primitive.get(), stream(), 3, arguments), "execution");
  require(dnnl_stream_wait(stream()), "execution");
}

}  // namespace gradus::cpu
