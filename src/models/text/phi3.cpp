#include "models/text/phi3.h"

#include "models/text/rope_fields.h"

namespace gradus {

Phi3Config::Phi3Config() {
  vocab_size = 32064;
  hidden_size = 3072;
  intermediate_size = 8192;
  max_position_embeddings = 4096;
  rms_norm_eps = 1e-5;
  pad_token_id = 32000;
  fused_projections = true;
}

void fields(Fields& f, Phi3Config& c) {
  decoder_fields(f, c, {});
  f.number("resid_pdrop", c.resid_dropout, {.min = 0, .max = 1});
  f.number("embd_pdrop", c.embd_pdrop, {.min = 0, .max = 1});
  f.optional_integer("sliding_window", c.sliding_window, {.min = 1});
  f.integer("original_max_position_embeddings", c.original_max_position_embeddings, {.min = 1});
  RopeDefaults defaults{c.head_dim, c.max_position_embeddings};
  defaults.phi3 = true;
  c.ropes = {rope_fields(f, defaults)};
  if (c.ropes[0].type != "default" && c.ropes[0].type != "longrope")
    f.refuse("rope_parameters", "must be of type default or longrope in this family");
  finish_decoder(f, c, {.window = c.sliding_window});
}

}  // namespace gradus
