#include "io/metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "support/temp_dir.h"

using namespace gradus;

TEST_CASE("a row is one line of JSON with steps as integers") {
  const TempDir folder;
  MetricsWriter writer(folder / "metrics.jsonl");
  writer.write({{"loss", 2.5}, {"grad_norm", 1.0}, {"learning_rate", 3e-4}, {"epoch", 0.1}, {"step", 10}});
  writer.write({{"eval_loss", NAN}, {"step", int64_t{10}}, {"num_input_tokens_seen", int64_t{1} << 40}});
  CHECK(read_file(folder / "metrics.jsonl") ==
        "{\"loss\":2.5,\"grad_norm\":1.0,\"learning_rate\":0.0003,\"epoch\":0.1,\"step\":10}\n"
        "{\"eval_loss\":null,\"step\":10,\"num_input_tokens_seen\":1099511627776}\n");
  const std::vector<MetricsRow> rows = read_metrics(folder / "metrics.jsonl");
  REQUIRE(rows.size() == 2);
  CHECK(find_metric(rows[0], "loss") == 2.5);
  CHECK(std::isnan(*find_metric(rows[1], "eval_loss")));
  CHECK(!find_metric(rows[1], "loss"));
  CHECK(rows[1][1].second.integer);
}

TEST_CASE("a torn last line is ignored, a broken line inside is an error") {
  const TempDir folder;
  const std::filesystem::path path = folder / "metrics.jsonl";
  write_file_atomic(path, "{\"step\":1}\n\n{\"step\":2,\"note\":\"text\"}\n{\"step\":3,\"lo");
  CHECK(read_metrics(path).size() == 2);
  write_file_atomic(path, "{\"step\":1}\n{\"step\":2}");
  CHECK(read_metrics(path).size() == 2);
  write_file_atomic(path, "{\"step\":1}\n{\"st\n{\"step\":3}\n");
  CHECK_THROWS_WITH_AS(read_metrics(path), doctest::Contains("line 2"), FileError);
  write_file_atomic(path, "[1]\n");
  CHECK_THROWS_WITH_AS(read_metrics(path), doctest::Contains("line 1"), FileError);
}

TEST_CASE("resuming drops what lies beyond the step, starting anew drops everything") {
  const TempDir folder;
  const std::filesystem::path path = folder / "metrics.jsonl";
  std::string kept;
  {
    MetricsWriter writer(path);
    for (int step = 1; step <= 6; ++step) {
      writer.write({{"loss", 1.0 / step}, {"step", step}});
      if (step == 4) kept = read_file(path);
    }
  }
  write_file_atomic(path, read_file(path) + "{\"loss\":0.1");
  { MetricsWriter writer(path, 4); }
  CHECK(read_file(path) == kept);
  MetricsWriter(path, 4).write({{"loss", 0.5}, {"step", 5}});
  CHECK(read_metrics(path).size() == 5);
  { MetricsWriter writer(path); }
  CHECK(read_metrics(path).empty());
  CHECK_THROWS_AS(MetricsWriter("/no/such/folder/metrics.jsonl"), FileError);
}
