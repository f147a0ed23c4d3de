#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "autograd/anomaly.h"
#include "autograd/autograd.h"
#include "base/error.h"
#include "cli/verbs.h"
#include "io/safetensors.h"
#include "models/model.h"
#include "ops/elementwise.h"

namespace gradus::cli {

namespace {

struct RunOptions {
  std::string model, in, out, dtype = "f32";
  bool grad = false, hidden_states = false, detect_anomaly = false;
};

// The outputs as Hugging Face names them, all in f32, and with `want_grad` every parameter's gradient of the loss.
NamedTensors evaluate(const Model& model, const NamedTensors& inputs, const RunOptions& o) {
  NamedTensors out = model.forward(inputs, {}, {.hidden_states = o.hidden_states});
  Tensor loss;
  for (auto& [name, value] : out) {
    if (name == "loss") loss = value;
    value = cast(value.detach(), Dtype::f32);
  }
  if (!o.grad) return out;
  if (!loss.defined()) {
    std::string labels;
    for (const std::string& name : model.inputs())
      if (name.find("label") != std::string::npos || name.find("_positions") != std::string::npos)
        labels += (labels.empty() ? "" : ", ") + name;
    throw ValueError("run", "--grad needs a loss: gradients are those of it.",
                     labels.empty() ? "this architecture has none; config.json's \"architectures\" chooses the head."
                                    : "give the inputs of which it is made: " + labels + ".");
  }
  backward(loss);
  for (const Parameter& p : model.parameters().all()) {
    const Tensor grad = grad_of(p.value);
    if (!grad.defined()) throw GradError("run", "the parameter \"" + p.name + "\" got no gradient.");
    out.emplace_back("grad." + p.name, cast(grad, Dtype::f32));
  }
  return out;
}

void run(const RunOptions& o) {
  const NamedTensors inputs = Safetensors(o.in).load_all();
  std::vector<std::string> unused;
  const auto model = load_model(o.model, {.dtype = dtype_from_name(o.dtype), .trainable = o.grad}, &unused);
  for (const std::string& name : unused) std::fprintf(stderr, "note: %s is not used by this model\n", name.c_str());
  std::optional<DetectAnomaly> anomaly;
  if (o.detect_anomaly) {
    anomaly.emplace();
    for (const Parameter& p : model->parameters().all()) anomaly->name(p.value, p.name);
  }
  write_safetensors(o.out, evaluate(*model, inputs, o));
}

}  // namespace

void add_run(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* verb =
      app.add_subcommand("run", "Run a model on tensors from a file: the door for checking it against others.");
  verb->footer(
      "Inputs and outputs (safetensors) have Hugging Face's names, and config.json's \"architectures\" chooses the "
      "head:\n"
      "  inputs   input_ids (B, T), attention_mask, token_type_ids, position_ids, inputs_embeds, decoder_input_ids,\n"
      "           decoder_attention_mask, labels (-100 = ignored; shifted inside a causal language model),\n"
      "           next_sentence_label, start_positions, end_positions: those that the architecture takes\n"
      "  outputs  logits, prediction_logits, seq_relationship_logits, start_logits, end_logits, last_hidden_state,\n"
      "           pooler_output, encoder_last_hidden_state, loss (with labels), hidden_states.N (--hidden-states),\n"
      "           grad.<parameter> (--grad)\n"
      "Dropout is off. Example: gradus run runs/fortunes --in inputs.safetensors --out outputs.safetensors --grad");
  verb->add_option("model", options->model, "model directory with config.json and model.safetensors")->required();
  verb->add_option("--in", options->in, "safetensors file with the inputs")->required();
  verb->add_option("--out", options->out, "safetensors file to write")->required();
  verb->add_flag("--grad", options->grad, "also write the gradient of the loss for every parameter");
  verb->add_flag("--hidden-states", options->hidden_states,
                 "also write what every block reads and the last one gives (encoder_… and decoder_hidden_states.N of "
                 "encoder-decoders)");
  verb->add_flag("--detect-anomaly", options->detect_anomaly,
                 "fail at the first operation that makes a NaN or an infinity, naming it");
  verb->add_option("--dtype", options->dtype, "type to compute in")
      ->check(CLI::IsMember({"f32", "f64", "bf16", "f16"}))
      ->capture_default_str();
  verb->callback([options] { run(*options); });
}

}  // namespace gradus::cli
