#pragma once
#include <cstdint>
#include <string>

namespace gradus {

/// What stands on a body, as Hugging Face's class names end.
enum class Head : uint8_t {
  none,                     ///< …Model
  encoder,                  ///< …EncoderModel: the encoder of an encoder–decoder alone
  pretraining,              ///< …ForPreTraining
  masked_lm,                ///< …ForMaskedLM
  next_sentence,            ///< …ForNextSentencePrediction
  sequence_classification,  ///< …ForSequenceClassification
  token_classification,     ///< …ForTokenClassification
  question_answering,       ///< …ForQuestionAnswering
  multiple_choice,          ///< …ForMultipleChoice
  conditional_generation,   ///< …ForConditionalGeneration
  causal_lm,                ///< …ForCausalLM, …LMHeadModel
};

/// "ForMaskedLM"
const char* suffix_of(Head head);
/// The head that the architecture "BertForMaskedLM" of the class "Bert" names. Throws ValueError for any other class or
/// ending; `source` stands in the message.
Head head_of(const std::string& architecture, const std::string& class_name, const std::string& source);

}  // namespace gradus
