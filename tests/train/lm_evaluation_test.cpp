#include "train/lm_evaluation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "corpus.h"
#include "ops/loss.h"
#include "support/temp_dir.h"
#include "train/causal_lm_run.h"

using namespace gradus;

TEST_CASE("evaluation equals reading the documents one by one") {
  const TempDir dir;
  const Recipe recipe = Recipe::parse(testing::write_corpus(dir.path), "r", {});
  CausalLmTask task(recipe, "", {});
  const TokenDocuments& documents = task.held_out_tokens();
  const LmEvaluation packed = evaluate_causal_lm(task.model(), documents, 1000, 32, 3);
  CHECK(packed.targets == documents.tokens());
  CHECK(packed.bits_per_byte() == doctest::Approx(packed.nats / std::log(2.0) / 1000));

  const NoGrad no_grad;
  double nats = 0;
  for (int64_t d = 0; d < documents.count(); ++d)
    for (int64_t at = documents.begin[d]; at < documents.begin[d + 1]; at += 32) {
      const int64_t end = std::min(at + 32, documents.begin[d + 1]);
      std::vector<int64_t> ids, labels;
      for (int64_t i = at; i < end; ++i) {
        ids.push_back(documents.ids[i]);
        labels.push_back(i + 1 < documents.tokens() ? documents.ids[i + 1] : documents.separator);
      }
      LmInput in;
      in.input_ids = from_vector(ids, {1, end - at});
      const Tensor hidden = task.model().hidden(in, {});
      nats += linear_cross_entropy(hidden, task.model().head(), from_vector(labels, {1, end - at}), 1).item();
    }
  CHECK(packed.nats == doctest::Approx(nats).epsilon(1e-5));
}
