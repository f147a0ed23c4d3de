#include "models/heads.h"

#include "base/error.h"

namespace gradus {

namespace {

struct Ending {
  const char* suffix;
  Head head;
};
constexpr Ending kEndings[] = {
    {"Model", Head::none},
    {"EncoderModel", Head::encoder},
    {"ForPreTraining", Head::pretraining},
    {"ForMaskedLM", Head::masked_lm},
    {"ForNextSentencePrediction", Head::next_sentence},
    {"ForSequenceClassification", Head::sequence_classification},
    {"ForTokenClassification", Head::token_classification},
    {"ForQuestionAnswering", Head::question_answering},
    {"ForMultipleChoice", Head::multiple_choice},
    {"ForConditionalGeneration", Head::conditional_generation},
    {"ForCausalLM", Head::causal_lm},
    {"LMHeadModel", Head::causal_lm},
};

}  // namespace

const char* suffix_of(Head head) {
  for (const Ending& e : kEndings)
    if (e.head == head) return e.suffix;
  return "";
}

Head head_of(const std::string& architecture, const std::string& class_name, const std::string& source) {
  std::string all;
  for (const Ending& e : kEndings) {
    if (architecture == class_name + e.suffix) return e.head;
    all += (all.empty() ? "" : ", ") + class_name + e.suffix;
  }
  throw ValueError("config", source + ": the architecture \"" + architecture + "\" is unknown.", "one of " + all + ".");
}

}  // namespace gradus
