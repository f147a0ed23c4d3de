#include "models/text/rope_fields.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace gradus {

namespace {

constexpr Bounds kPositive{.min = 1e-9};

// 0.1 m ln(s) + 1 (Peng et al. 2023, eq. 22)
double yarn_scale(double factor, double mscale) { return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1; }

void yarn_fields(Fields& f, RopeConfig& rope) {
  double mscale = 0, mscale_all_dim = 0;
  f.optional_number("beta_fast", rope.beta_fast, kPositive);
  f.optional_number("beta_slow", rope.beta_slow, kPositive);
  f.optional_number("mscale", mscale);
  f.optional_number("mscale_all_dim", mscale_all_dim);
  if (f.has("truncate")) f.flag("truncate", rope.truncate);
  rope.attention_factor = mscale != 0 && mscale_all_dim != 0
                              ? yarn_scale(rope.factor, mscale) / yarn_scale(rope.factor, mscale_all_dim)
                              : yarn_scale(rope.factor, 1);
  f.optional_number("attention_factor", rope.attention_factor);
  if (!(rope.theta > 1)) f.refuse("rope_theta", "must be above 1 with yarn");
}

void longrope_fields(Fields& f, RopeConfig& rope) {
  f.numbers("short_factor", rope.short_factor);
  f.numbers("long_factor", rope.long_factor);
  const auto wanted = static_cast<size_t>((rope.dim + 1) / 2);
  for (const auto& [key, list] : {std::pair{"short_factor", &rope.short_factor}, {"long_factor", &rope.long_factor}}) {
    if (list->size() != wanted) f.refuse(key, "must be a list of " + std::to_string(wanted) + " numbers");
    for (double x : *list)
      if (!(x > 0)) f.refuse(key, "must hold numbers above 0");
  }
  // sqrt(1 + ln s / ln L) (Ding et al. 2024, as Phi-3 has it)
  const double context = static_cast<double>(rope.original_max_position_embeddings);
  rope.attention_factor = rope.factor <= 1 ? 1 : std::sqrt(1 + std::log(rope.factor) / std::log(context));
  f.optional_number("attention_factor", rope.attention_factor);
  if (rope.original_max_position_embeddings < 2) f.refuse("original_max_position_embeddings", "must be 2 or more");
}

void llama3_fields(Fields& f, RopeConfig& rope) {
  f.number("low_freq_factor", rope.low_freq_factor, {.min = 1e-9, .required = true});
  f.number("high_freq_factor", rope.high_freq_factor, {.min = 1e-9, .required = true});
  if (!(rope.high_freq_factor > rope.low_freq_factor))
    f.refuse("high_freq_factor", "must be larger than low_freq_factor");
}

// How many entries of a head turn.
int64_t rotating(const Fields& f, int64_t head_dim, double partial) {
  const auto dim = static_cast<int64_t>(static_cast<double>(head_dim) * partial);
  if (dim < 1 || (dim + 1) / 2 * 2 > head_dim)
    f.refuse("head_dim", "is " + std::to_string(head_dim) + ", of which " + std::to_string(dim) +
                             " entries cannot turn in pairs: it must be even for rotary positions");
  return dim;
}

// The settings of one kind of layer. `original` is what stands beside them, 0 when nothing does.
void scaling_fields(Fields& f, RopeConfig& rope, double partial, const RopeDefaults& defaults, int64_t original) {
  // The oldest spelling says "type".
  const char* type_key = !f.has("rope_type") && f.has("type") ? "type" : "rope_type";
  f.text(type_key, rope.type, {"default", "linear", "dynamic", "yarn", "longrope", "su", "llama3"});
  if (rope.type == "su" || (rope.type == "yarn" && defaults.phi3)) rope.type = "longrope";  // Phi-3's first name for it
  f.optional_number("rope_theta", rope.theta, kPositive);
  f.optional_number("partial_rotary_factor", partial, {.min = 0, .max = 1});
  // Beside default positions it has no effect in transformers but in Phi-3.
  if (!defaults.phi3 && rope.type != "default" && partial != 1)
    f.refuse("partial_rotary_factor", "must be 1 for this family");
  rope.dim = rotating(f, defaults.head_dim, defaults.phi3 ? partial : 1);
  if (rope.type == "default") return;
  const bool stretched = rope.type == "yarn" || rope.type == "longrope" || rope.type == "llama3";
  if (stretched) {
    rope.original_max_position_embeddings = defaults.max_positions;
    if (original > 0)
      rope.original_max_position_embeddings = original;
    else
      f.integer("original_max_position_embeddings", rope.original_max_position_embeddings, {.min = 1});
  }
  if (rope.type == "yarn" || rope.type == "longrope") {
    rope.factor =
        static_cast<double>(defaults.max_positions) / static_cast<double>(rope.original_max_position_embeddings);
    f.optional_number("factor", rope.factor, kPositive);
  } else {
    f.number("factor", rope.factor, {.min = 1e-9, .required = true});
  }
  if (rope.type == "yarn") yarn_fields(f, rope);
  if (rope.type == "longrope") longrope_fields(f, rope);
  if (rope.type == "llama3") llama3_fields(f, rope);
  if (rope.type == "dynamic" && rope.dim < 3) f.refuse("rope_type", "dynamic needs heads wider than two entries");
}

RopeConfig starting_from(const RopeDefaults& defaults) {
  RopeConfig rope;
  rope.theta = defaults.theta;
  rope.max_position_embeddings = defaults.max_positions;
  return rope;
}

}  // namespace

RopeConfig rope_fields(Fields& f, const RopeDefaults& defaults) {
  RopeConfig rope = starting_from(defaults);
  double partial = 1;
  int64_t original = 0;
  f.optional_number("partial_rotary_factor", partial, {.min = 0, .max = 1});
  f.optional_integer("original_max_position_embeddings", original, {.min = 1});
  const char* where = f.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
  if (f.has("rope_parameters"))
    f.optional_number("rope_theta", rope.theta, kPositive);
  else
    f.number("rope_theta", rope.theta, kPositive);
  if (Json* json = f.object(where)) {
    Fields inner(*json, f.source() + ", " + where);
    scaling_fields(inner, rope, partial, defaults, original);
  } else {
    rope.dim = rotating(f, defaults.head_dim, defaults.phi3 ? partial : 1);
  }
  return rope;
}

LayeredRope layered_rope_fields(Fields& f, const RopeDefaults& full, const RopeDefaults& sliding) {
  LayeredRope ropes{starting_from(full), starting_from(sliding)};
  ropes.full.dim = rotating(f, full.head_dim, 1);
  ropes.sliding.dim = rotating(f, sliding.head_dim, 1);
  if (Json* json = f.object("rope_parameters")) {
    Fields both(*json, f.source() + ", rope_parameters");
    for (const auto& [key, rope, defaults] :
         {std::tuple{"full_attention", &ropes.full, &full}, {"sliding_attention", &ropes.sliding, &sliding}})
      if (Json* one = both.object(key)) {
        Fields inner(*one, both.source() + ", " + key);
        scaling_fields(inner, *rope, 1, *defaults, 0);
        rope->truncate = true;  // transformers looks for it one level above
      } else if (json->contains("rope_type") || json->contains("rope_theta")) {
        f.refuse("rope_parameters", "must hold an object for full_attention and one for sliding_attention");
      }
    return ropes;
  }
  f.number("rope_theta", ropes.full.theta, kPositive);
  f.number("rope_local_base_freq", ropes.sliding.theta, kPositive);
  Json* json = f.object("rope_scaling");
  if (json && json->contains("rope_type")) {  // here transformers does not read the oldest spelling, "type"
    Fields inner(*json, f.source() + ", rope_scaling");
    scaling_fields(inner, ropes.full, 1, full, 0);
    ropes.full.truncate = true;
  }
  return ropes;
}

}  // namespace gradus
