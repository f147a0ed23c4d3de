#include <doctest/doctest.h>

#include <functional>

#include "autograd/autograd.h"
#include "autograd/checkpoint.h"
#include "base/error.h"
#include "base/random.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "tensor/allocator.h"

using namespace gradus;

namespace {

double time_again(const std::vector<BlockCost>& blocks, const std::vector<CheckpointSegment>& segments) {
  double time = 0;
  for (const CheckpointSegment& s : segments)
    for (int64_t i = s.begin; s.recompute && i < s.end; ++i) time += blocks[static_cast<size_t>(i)].time;
  return time;
}

// Every way to cut and to treat the blocks.
void each_plan(size_t blocks, const std::function<void(const std::vector<CheckpointSegment>&)>& visit,
               std::vector<CheckpointSegment> plan = {}) {
  const int64_t at = plan.empty() ? 0 : plan.back().end;
  if (at == static_cast<int64_t>(blocks)) return visit(plan);
  for (int64_t end = at + 1; end <= static_cast<int64_t>(blocks); ++end)
    for (const bool recompute : {false, true}) {
      plan.push_back({at, end, recompute});
      each_plan(blocks, visit, plan);
      plan.pop_back();
    }
}

std::vector<BlockCost> drawn(uint64_t seed, size_t n) {
  const RandomKey key{seed, 0};
  std::vector<BlockCost> blocks;
  for (uint64_t i = 0; i < n; ++i)
    blocks.push_back({static_cast<int64_t>(key.below(20, 3 * i)), static_cast<int64_t>(key.below(100, 3 * i + 1)),
                      static_cast<double>(1 + key.below(5, 3 * i + 2))});
  return blocks;
}

}  // namespace

TEST_CASE("equal segments cover all blocks; the last one is kept") {
  using Segments = std::vector<CheckpointSegment>;
  CHECK(equal_segments(7, 3) == Segments{{0, 2, true}, {2, 4, true}, {4, 7, false}});
  CHECK(equal_segments(4, 1) == Segments{{0, 4, false}});
  CHECK(sqrt_segments(0).empty());
  CHECK(sqrt_segments(1) == Segments{{0, 1, false}});
  CHECK(sqrt_segments(16).size() == 4);
  CHECK(sqrt_segments(12).size() == 3);
  CHECK_THROWS_AS(equal_segments(4, 5), ValueError);
  CHECK_THROWS_AS(equal_segments(4, 0), ValueError);
  CHECK_THROWS_AS(equal_segments(-1, 1), ValueError);
  CHECK_THROWS_AS(sqrt_segments(-4), ValueError);
}

TEST_CASE("a budgeted plan is the best of all plans, tried one by one") {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const auto blocks = drawn(seed, 6);
    int64_t least_peak = INT64_MAX, most = 0;
    each_plan(blocks.size(), [&](const auto& plan) {
      least_peak = std::min(least_peak, segments_peak(blocks, plan));
      most = std::max(most, segments_peak(blocks, plan));
    });
    for (const double share : {0.0, 0.1, 0.3, 0.6, 1.0}) {
      const int64_t budget = least_peak + static_cast<int64_t>(share * static_cast<double>(most - least_peak));
      double least_time = 1e300;
      each_plan(blocks.size(), [&](const auto& plan) {
        if (segments_peak(blocks, plan) <= budget) least_time = std::min(least_time, time_again(blocks, plan));
      });
      const auto plan = budget_segments(blocks, budget);
      CHECK(segments_peak(blocks, plan) <= budget);
      CHECK(time_again(blocks, plan) == least_time);
    }
    if (least_peak > 0)
      CHECK_THROWS_WITH_AS(budget_segments(blocks, least_peak - 1),
                           doctest::Contains(std::to_string(least_peak).c_str()), MemoryError);
  }
}

TEST_CASE("plans of many blocks, of none, of impossible ones") {
  const std::vector<BlockCost> many(200, BlockCost{4, 30, 1});
  const auto plan = budget_segments(many, 1000);
  CHECK(segments_peak(many, plan) <= 1000);
  CHECK(time_again(many, plan) < 200);
  CHECK(time_again(many, budget_segments(many, 200 * 34)) == 0);
  CHECK(budget_segments({}, 0).empty());
  CHECK_THROWS_AS(budget_segments({{-1, 1, 1}}, 10), ValueError);
  CHECK_THROWS_AS(budget_segments({{INT64_MAX, INT64_MAX, 1}, {INT64_MAX, 1, 1}}, 10), ValueError);
}

TEST_CASE("measured blocks, and a budget that holds") {
  std::vector<CheckpointBlock> blocks;
  for (int i = 0; i < 12; ++i)
    blocks.push_back([](const Tensor& in) {
      Tensor y = in;
      for (int k = 0; k < 5; ++k) y = sin(y);
      return y;
    });
  Tensor x = random_normal({1024}, {1, 1});
  require_grad(x);
  const auto costs = measure_blocks(blocks, x);
  REQUIRE(costs.size() == 12);
  for (const BlockCost& c : costs) {
    CHECK(c.input_bytes == 4096);
    CHECK(c.saved_bytes == 4 * 4096);
  }
  backward(sum(x));  // x has its gradient already: the walk needs a few tensors, no more
  for (const int64_t budget : {20 * 4096, 30 * 4096, 60 * 4096}) {
    const auto plan = budget_segments(costs, budget);
    const int64_t before = memory_stats().current;
    reset_peak_memory();
    backward(sum(checkpoint_sequential(blocks, x, plan)));
    CHECK(memory_stats().peak - before <= budget + 4 * 4096);
  }
}

TEST_CASE("segments that do not fit the blocks are refused") {
  const std::vector<CheckpointBlock> blocks(3, [](const Tensor& in) { return sin(in); });
  const Tensor x = zeros({2});
  using Segments = std::vector<CheckpointSegment>;
  for (const Segments& s : {Segments{}, Segments{{0, 2}}, Segments{{1, 3}}, Segments{{0, 4}}, Segments{{0, 0}, {0, 3}},
                            Segments{{0, 2}, {1, 3}}})
    CHECK_THROWS_AS(checkpoint_sequential(blocks, x, s), ValueError);
  CHECK_THROWS_AS(checkpoint_sequential({CheckpointBlock()}, x), ValueError);
  CHECK(checkpoint_sequential({}, x).id() == x.id());
}
