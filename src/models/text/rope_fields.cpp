#include "models/text/rope_fields.h"

#include <nlohmann/json.hpp>

namespace gradus {

namespace {

void scaling_fields(Json& json, const std::string& source, RopeConfig& rope, int64_t max_positions) {
  Fields f(json, source);
  // The oldest spelling says "type".
  if (!json.contains("rope_type") && json.contains("type"))
    f.text("type", rope.type, {"default", "linear", "llama3"});
  else
    f.text("rope_type", rope.type, {"default", "linear", "llama3"});
  if (json.contains("rope_theta")) f.number("rope_theta", rope.theta, {.min = 1e-9});
  double partial = 1;
  if (json.contains("partial_rotary_factor")) f.number("partial_rotary_factor", partial, {.min = 1, .max = 1});
  if (rope.type == "default") return;
  f.number("factor", rope.factor, {.min = 1e-9, .required = true});
  if (rope.type != "llama3") return;
  f.number("low_freq_factor", rope.low_freq_factor, {.min = 1e-9, .required = true});
  f.number("high_freq_factor", rope.high_freq_factor, {.min = 1e-9, .required = true});
  rope.original_max_position_embeddings = max_positions;
  f.integer("original_max_position_embeddings", rope.original_max_position_embeddings, {.min = 1});
  if (!(rope.high_freq_factor > rope.low_freq_factor))
    f.refuse("high_freq_factor", "must be larger than low_freq_factor");
}

}  // namespace

void rope_fields(Fields& f, RopeConfig& rope, int64_t head_dim, int64_t max_positions) {
  rope.dim = head_dim;
  if (Json* parameters = f.object("rope_parameters")) {
    scaling_fields(*parameters, f.source() + ", rope_parameters", rope, max_positions);
    return;
  }
  f.number("rope_theta", rope.theta, {.min = 1e-9});
  if (Json* scaling = f.object("rope_scaling"))
    scaling_fields(*scaling, f.source() + ", rope_scaling", rope, max_positions);
}

}  // namespace gradus
