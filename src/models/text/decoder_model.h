#pragma once
#include "models/heads.h"
#include "models/model.h"
#include "models/text/head_losses.h"

namespace gradus {

/// A decoder without its output layer (…Model), or with a classifier of the last token that is no padding in its place
/// (…ForSequenceClassification, parameter score.weight). `pad` -1: only single rows can be classified.
std::unique_ptr<Model> make_decoder_model(std::unique_ptr<CausalLm> body, std::shared_ptr<Parameters> parameters,
                                          std::string text, Head head, const Labelling& labelling, int64_t pad);

}  // namespace gradus
