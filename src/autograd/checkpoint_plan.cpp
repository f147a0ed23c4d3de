// Which blocks checkpoint_sequential() recomputes together.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "autograd/checkpoint.h"
#include "base/error.h"

namespace gradus {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// One way of having settled the first blocks: what stays in memory and what will be computed again.
struct State {
  int64_t held = 0;
  double again = 0;
  int64_t segment = 0;    // first block of the last segment
  bool recompute = true;  // how it is treated
  size_t before = 0;      // index among the states at `segment`
};

// The states that no other beats in both memory and time.
void keep_best(std::vector<State>& states) {
  std::sort(states.begin(), states.end(),
            [](const State& a, const State& b) { return a.held != b.held ? a.held < b.held : a.again < b.again; });
  double least = kNever;
  std::vector<State> best;
  for (const State& s : states)
    if (s.again < least) best.push_back(s), least = s.again;
  states = std::move(best);
}

// Fronts after 0, 1, … blocks within the budget.
std::vector<std::vector<State>> fronts(const std::vector<BlockCost>& blocks, int64_t budget) {
  const auto n = static_cast<int64_t>(blocks.size());
  std::vector<std::vector<State>> at(blocks.size() + 1);
  at[0].push_back({});
  for (int64_t i = 0; i < n; ++i) {
    keep_best(at[static_cast<size_t>(i)]);
    const auto& from = at[static_cast<size_t>(i)];
    const BlockCost& first = blocks[static_cast<size_t>(i)];
    for (size_t k = 0; k < from.size(); ++k) {
      const int64_t kept = from[k].held + first.input_bytes + first.saved_bytes;
      if (kept <= budget) at[static_cast<size_t>(i) + 1].push_back({kept, from[k].again, i, false, k});
      const int64_t held = from[k].held + first.input_bytes;
      int64_t inside = -first.input_bytes;
      double again = from[k].again;
      for (int64_t j = i; j < n; ++j) {
        inside += blocks[static_cast<size_t>(j)].input_bytes + blocks[static_cast<size_t>(j)].saved_bytes;
        again += blocks[static_cast<size_t>(j)].time;
        if (held + inside > budget) break;
        at[static_cast<size_t>(j) + 1].push_back({held, again, i, true, k});
      }
    }
  }
  keep_best(at.back());
  return at;
}

bool enough(const std::vector<BlockCost>& blocks, int64_t budget) { return !fronts(blocks, budget).back().empty(); }

void require_costs(const std::vector<BlockCost>& blocks) {
  double total = 0;
  for (const BlockCost& b : blocks) {
    if (b.input_bytes < 0 || b.saved_bytes < 0 || !(b.time >= 0))
      throw ValueError("budget_segments", "a block's bytes and time must not be negative.");
    total += static_cast<double>(b.input_bytes) + static_cast<double>(b.saved_bytes);
  }
  if (total > 0x1p60) throw ValueError("budget_segments", "the blocks have an impossible size.");
}

}  // namespace

std::vector<CheckpointSegment> equal_segments(int64_t blocks, int64_t segments) {
  if (blocks == 0 && segments == 0) return {};
  if (segments < 1 || segments > blocks)
    throw ValueError("checkpoint",
                     std::to_string(blocks) + " blocks do not make " + std::to_string(segments) + " segments.",
                     "from 1 to as many as there are blocks.");
  std::vector<CheckpointSegment> list;
  for (int64_t s = 0; s < segments; ++s)
    list.push_back({blocks * s / segments, blocks * (s + 1) / segments, s + 1 < segments});
  return list;
}

std::vector<CheckpointSegment> sqrt_segments(int64_t blocks) {
  return equal_segments(blocks, std::lround(std::sqrt(static_cast<double>(std::max<int64_t>(blocks, 0)))));
}

std::vector<CheckpointSegment> budget_segments(const std::vector<BlockCost>& blocks, int64_t budget_bytes) {
  require_costs(blocks);
  const auto at = fronts(blocks, budget_bytes);
  if (at.back().empty()) {
    int64_t low = 0, high = 0;  // too little, enough
    for (const BlockCost& b : blocks) high += b.input_bytes + b.saved_bytes;
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      (enough(blocks, middle) ? high : low) = middle;
    }
    throw MemoryError("checkpoint",
                      std::to_string(budget_bytes) + " bytes are too few for " + std::to_string(blocks.size()) +
                          " blocks: with one recomputation they need " + std::to_string(high) + ".",
                      "raise the budget, or use smaller batches.");
  }
  // The front's last state holds the most and computes the least again.
  std::vector<CheckpointSegment> list;
  auto end = static_cast<int64_t>(blocks.size());
  for (size_t k = at.back().size() - 1; end > 0;) {
    const State& s = at[static_cast<size_t>(end)][k];
    list.push_back({s.segment, end, s.recompute});
    end = s.segment;
    k = s.before;
  }
  std::reverse(list.begin(), list.end());
  return list;
}

int64_t segments_peak(const std::vector<BlockCost>& blocks, const std::vector<CheckpointSegment>& segments) {
  int64_t held = 0, peak = 0;
  for (const CheckpointSegment& s : segments) {
    int64_t inside = 0;
    for (int64_t i = s.begin; i < s.end; ++i)
      inside += blocks.at(static_cast<size_t>(i)).input_bytes + blocks.at(static_cast<size_t>(i)).saved_bytes;
    peak = std::max(peak, held + inside);
    held += s.recompute ? blocks.at(static_cast<size_t>(s.begin)).input_bytes : inside;
  }
  return peak;
}

}  // namespace gradus
