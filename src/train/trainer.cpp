#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/anomaly.h"
#include "autograd/autograd.h"
#include "base/error.h"
#include "base/file.h"
#include "io/png.h"
#include "io/run_plot.h"
#include "io/safetensors.h"
#include "kernels/table.h"
#include "optim/schedule.h"
#include "tensor/allocator.h"
#include "train/run_log.h"
#include "train/run_state.h"
#include "train/step_statistics.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int64_t kMostSkippedInARow = 20;  // parameters that are NaN never give a finite loss again

[[noreturn]] void refuse(const std::string& key, const std::string& expected, const Json& got,
                         const std::string& hint) {
  throw ValueError("train", "train." + key + " must be " + expected + ", got " + dump_json(got) + ".", hint);
}

template <class T>
void at_least(int least, const char* key, T value) {
  if (!(value >= static_cast<T>(least)))
    refuse(key, "at least " + std::to_string(least), value,
           std::string("set train.") + key + "=" + std::to_string(least) + " or more.");
}

}  // namespace

int64_t optimizer_steps(const TrainTask& task, const TrainSettings& s) {
  if (s.max_steps == 0 || s.max_steps < -1)
    refuse("max_steps", "positive, or -1 for num_train_epochs", s.max_steps, "set train.max_steps=100.");
  at_least(1, "per_device_train_batch_size", s.train_batch_size);
  at_least(1, "per_device_eval_batch_size", s.eval_batch_size);
  at_least(1, "gradient_accumulation_steps", s.accumulation);
  at_least(1, "logging_steps", s.logging_steps);
  if (s.save_strategy == "steps") at_least(1, "save_steps", s.save_steps);
  at_least(0, "eval_steps", s.eval_steps);
  at_least(0, "max_time", s.max_time);
  at_least(0, "max_grad_norm", s.max_grad_norm);
  at_least(0, "weight_decay", s.optimizer.options.weight_decay);
  at_least(0, "sam_rho", s.sam_rho);
  at_least(0, "warmup_steps", s.warmup_steps);
  if (!(s.warmup_ratio >= 0 && s.warmup_ratio <= 1))
    refuse("warmup_ratio", "a share of the run, from 0 to 1", s.warmup_ratio, "set train.warmup_ratio=0.05.");
  if (!(s.learning_rate > 0)) refuse("learning_rate", "positive", s.learning_rate, "set train.learning_rate=1e-3.");
  for (const auto& [name, value] : {std::pair{"eval_strategy", s.eval_strategy}, {"save_strategy", s.save_strategy}})
    if (value != "no" && value != "steps" && value != "epoch")
      refuse(name, "no, steps or epoch", value, std::string("set train.") + name + "=steps.");
  if (s.max_steps > 0) return s.max_steps;
  if (!(s.num_train_epochs > 0))
    refuse("num_train_epochs", "positive", s.num_train_epochs, "set train.num_train_epochs=1, or train.max_steps.");
  return std::max<int64_t>(1, task.steps_for(s.num_train_epochs, s.train_batch_size * s.accumulation));
}

StepOptions step_options(const TrainSettings& settings) {
  StepOptions options;
  options.rows = settings.train_batch_size;
  options.accumulation = settings.accumulation;
  options.learning_rate = settings.learning_rate;
  options.max_grad_norm = settings.max_grad_norm;
  options.products = settings.products;
  options.sam_rho = settings.sam_rho;
  return options;
}

std::optional<WeightAverage> weight_average(const Parameters& parameters, const TrainSettings& s, int64_t steps) {
  if (s.ema_decay == 0 && s.swa_start == 0) return {};
  if (s.ema_decay != 0 && s.swa_start != 0)
    throw ValueError("train", "ema_decay and swa_start exclude each other.", "both say which average is evaluated.");
  if (s.optimizer.optim == "schedule_free_adamw")
    throw ValueError("train",
                     "schedule_free_adamw averages the weights itself: ema_decay and swa_start have no place.");
  if (s.swa_start < 0 || s.swa_start > static_cast<double>(steps))
    throw ValueError("train", "swa_start lies outside the run of " + std::to_string(steps) + " steps.",
                     "a step, or a share of the run below 1, e.g. 0.75.");
  const double start = s.swa_start < 1 ? s.swa_start * static_cast<double>(steps) : s.swa_start;
  return WeightAverage(parameters, {s.ema_decay, static_cast<int64_t>(std::ceil(start)), 1});
}

Schedule learning_rate_schedule(const TrainSettings& s, int64_t max_steps) {
  const auto total = static_cast<double>(max_steps);
  double warmup = s.warmup_steps;
  if (warmup > 0 && s.warmup_ratio > 0)
    throw ValueError("train", "train.warmup_steps and train.warmup_ratio exclude each other.",
                     "set one of them to 0, e.g. train.warmup_steps=0.");
  if (warmup > total && !s.cut_short)
    throw ValueError("train",
                     "train.warmup_steps is " + std::to_string(std::llround(warmup)) + ", but the run has " +
                         std::to_string(max_steps) + " steps.",
                     "lower train.warmup_steps, raise train.max_steps, or use train.warmup_ratio.");
  if (warmup < 1) warmup = std::ceil((warmup > 0 ? warmup : s.warmup_ratio) * total);
  return Schedule({s.schedule, s.learning_rate, warmup, total}, parse_json(s.schedule_options, "lr_scheduler_kwargs"));
}

namespace {

void load_parameters(const Parameters& parameters, const fs::path& file) {
  const Safetensors stored(file);
  for (const Parameter& p : parameters.all()) {
    if (!stored.contains(p.name)) throw FileError("resume", file.string() + " has no tensor " + p.name + ".");
    const Tensor from = stored.map(p.name);
    if (!(from.shape() == p.value.shape()) || from.dtype() != p.value.dtype())
      throw FileError("resume", file.string() + ": " + p.name + " is " + from.describe() + ", the recipe's model has " +
                                    p.value.describe() + ".");
    kernels(p.value.device()).copy({from, p.value.detach()});
    p.value.bump_version();
  }
}

class Trainer {
 public:
  Trainer(TrainTask& task, const TrainSettings& settings, const TrainRun& run)
      : task_(task),
        settings_(settings),
        run_(run),
        observer_(run.observer ? *run.observer : silent_),
        max_steps_(optimizer_steps(task, settings)),
        schedule_(learning_rate_schedule(settings, max_steps_)),
        optimizer_(make_optimizer(task.parameters(), settings.optimizer)),
        average_(weight_average(task.parameters(), settings, max_steps_)),
        resumed_(resume()),
        log_(run.output_dir, resumed_ ? std::optional<int64_t>(state_.step) : std::nullopt),
        began_(Clock::now()) {}

  TrainOutcome go() {
    release_cached_memory();  // what reading texts and training a tokenizer left behind
    reset_peak_memory();
    const MemoryCeiling ceiling(settings_.memory_limit);
    try {
      return run();
    } catch (const MemoryError& e) {
      set_memory_ceiling(0);
      throw MemoryError("train", rescued(e.what()),
                        "raise train.memory_limit, lower per_device_train_batch_size, or let --fit choose.");
    }
  }

 private:
  /// Ends with the run, however that ends.
  struct MemoryCeiling {
    explicit MemoryCeiling(int64_t bytes) : on(bytes > 0) {
      if (on) set_memory_ceiling(bytes);
    }
    ~MemoryCeiling() {
      if (on) set_memory_ceiling(0);
    }
    bool on;
  };

  /// The weights that are evaluated and kept stand in the model while one lives.
  struct Shown {
    Optimizer& optimizer;
    std::optional<WeightAverage>& average;
    Shown(Optimizer& o, std::optional<WeightAverage>& a) : optimizer(o), average(a) {
      try {
        optimizer.show_evaluated();
        if (average) average->show();
      } catch (...) {
        back();
        throw;
      }
    }
    ~Shown() { back(); }
    void back() {
      if (average) average->hide();
      optimizer.show_trained();
    }
  };

  TrainOutcome run() {
    if (!resumed_ && !run_.recipe.empty()) log_.text("recipe", "```toml\n" + run_.recipe + "```");
    TrainProgress progress;
    progress.max_steps = max_steps_;
    progress.max_time = settings_.max_time;
    fill(progress);
    observer_.begin(progress);
    if (schedule_.warmup_steps() > static_cast<double>(max_steps_))
      observer_.note("the warm-up of " + std::to_string(std::llround(schedule_.warmup_steps())) +
                     " steps is longer than the run: the rate stays below train.learning_rate");
    bool last = state_.step >= max_steps_ || out_of_time();
    while (!last) {
      const double epoch_before = task_.epoch();
      step(progress);
      last = state_.step >= max_steps_ || out_of_time();
      const bool new_epoch = std::floor(task_.epoch()) > std::floor(epoch_before);
      if (last || state_.step % settings_.logging_steps == 0) log_step(progress);
      if (last || due(settings_.eval_strategy, eval_steps(), new_epoch)) evaluate();
      const bool stop = observer_.stop();
      if (last || stop || due(settings_.save_strategy, settings_.save_steps, new_epoch)) save(stop && !last);
      if (stop && !last) return {state_.step, true, state_.skipped_steps, {}, evaluation_};
    }
    return finish();
  }

  /// After memory ended: saves the state before the step that failed, where there is one, and says what happened.
  std::string rescued(const std::string& what) {
    std::string text = "memory ended at step " + std::to_string(state_.step + 1) + ": " + what;
    const bool half_a_step = in_step_ && optimizer_->steps() != updates_before_;
    if (!half_a_step && state_.step > 0) {
      if (in_step_) task_.set_cursor(cursor_before_);
      for (const Parameter& p : task_.parameters().all())
        if (requires_grad(p.value)) clear_grad(p.value);
      save(true);
      text += "\nThe state after step " + std::to_string(state_.step) + " is saved: go on with --resume latest.";
    }
    return text;
  }

  double seconds() const { return seconds_before_ + std::chrono::duration<double>(Clock::now() - began_).count(); }
  bool out_of_time() const { return settings_.max_time > 0 && seconds() >= settings_.max_time; }
  int64_t eval_steps() const { return settings_.eval_steps > 0 ? settings_.eval_steps : settings_.logging_steps; }
  bool due(const std::string& strategy, int64_t every, bool new_epoch) const {
    return strategy == "steps" ? state_.step % every == 0 : strategy == "epoch" && new_epoch;
  }

  bool resume() {
    if (!run_.resume) return false;
    const fs::path& from = run_.resume->path;
    Json cursor;
    state_ = read_run_state(from / "trainer_state.json", cursor);
    load_parameters(task_.parameters(), from / "model.safetensors");
    {
      const Safetensors stored(from / "optimizer.safetensors");  // mapped: a second copy would cost memory
      NamedState state;
      for (const TensorInfo& t : stored.tensors()) state.emplace_back(t.name, stored.map(t.name));
      if (average_) average_->load_state(state);
      optimizer_->load_state(state);
    }
    task_.set_cursor(cursor);
    seconds_before_ = state_.seconds;
    for (const MetricsRow& row : state_.history)
      if (find_metric(row, "eval_loss")) evaluation_ = row;
    return true;
  }

  /// Where on the schedule the next step lies. The clock counts only when it is more than a step ahead.
  double position() const {
    const auto by_steps = static_cast<double>(state_.step);
    if (settings_.max_time <= 0) return by_steps;
    const double by_time = std::min(1.0, seconds() / settings_.max_time) * static_cast<double>(max_steps_);
    return by_time > by_steps + 1 ? by_time : by_steps;
  }

  void step(TrainProgress& progress) {
    StepOptions options = step_options(settings_);
    options.learning_rate = settings_.learning_rate * schedule_.factor(position());
    options.dropout = RandomKey{settings_.seed, stream_name("dropout")}.fold(static_cast<uint64_t>(state_.step));
    options.check_gradients = !checked_;
    if (settings_.products == ProductType::f16) options.loss_scale = state_.loss_scale;
    cursor_before_ = task_.cursor();
    updates_before_ = optimizer_->steps();
    in_step_ = true;
    const auto before = Clock::now();
    std::optional<DetectAnomaly> anomaly;
    if (settings_.detect_anomaly) {
      anomaly.emplace();
      anomaly->set_place("step " + std::to_string(state_.step + 1));
      for (const Parameter& p : task_.parameters().all()) anomaly->name(p.value, p.name);
    }
    std::optional<StepStatistics> statistics;
    const int64_t number = state_.step + 1;
    if (number % settings_.logging_steps == 0 || number >= max_steps_)
      statistics.emplace(
          task_.parameters(),
          StepStatistics::Options{settings_.log_update_ratio, settings_.log_activations, settings_.log_attention});
    const StepResult result = train_step(task_, *optimizer_, options);
    anomaly.reset();
    statistics_ = statistics ? statistics->rows() : MetricsRow();
    statistics.reset();
    if (result.applied && average_) average_->update(state_.step + 1);
    in_step_ = false;
    const double took = std::chrono::duration<double>(Clock::now() - before).count();
    checked_ = true;
    ++state_.step;
    state_.tokens_seen += result.tokens;
    window_tokens_ += result.tokens;
    window_seconds_ += took;
    if (result.applied) {
      state_.window_loss += result.loss;
      state_.total_loss += result.loss;
      ++state_.window_steps, ++state_.applied_steps;
      state_.skipped_in_a_row = 0;
    } else {
      skip(result);
    }
    if (settings_.products == ProductType::f16) adapt_loss_scale(result.applied);
    progress.loss = result.loss, progress.grad_norm = result.grad_norm;
    progress.learning_rate = options.learning_rate;
    // An average over about ten steps.
    const double speed = static_cast<double>(result.tokens) / std::max(took, 1e-9);
    speed_ = speed_ == 0 ? speed : 0.9 * speed_ + 0.1 * speed;
    fill(progress);
    observer_.step(progress);
  }

  void skip(const StepResult& result) {
    ++state_.skipped_steps, ++state_.skipped_in_a_row;
    observer_.note("step " + std::to_string(state_.step) + ": loss " + std::to_string(result.loss) +
                   ", gradient norm " + std::to_string(result.grad_norm) + "; the step was skipped");
    if (state_.skipped_in_a_row >= kMostSkippedInARow)
      throw ValueError("train",
                       "the loss or its gradient was not finite in " + std::to_string(kMostSkippedInARow) +
                           " steps in a row, up to step " + std::to_string(state_.step) + ".",
                       "lower train.learning_rate, or give it more warmup_steps; train.detect_anomaly=true names the "
                       "operation that fails.");
  }

  /// Halved when f16 overflowed, doubled after two thousand steps without: torch's GradScaler.
  void adapt_loss_scale(bool fine) {
    constexpr int64_t kInterval = 2000;
    if (!fine) {
      state_.loss_scale = std::max(1.0, state_.loss_scale / 2), state_.scale_steps = 0;
    } else if (++state_.scale_steps >= kInterval) {
      state_.loss_scale = std::min(0x1p40, state_.loss_scale * 2), state_.scale_steps = 0;
    }
  }

  void fill(TrainProgress& progress) const {
    progress.step = state_.step;
    progress.epoch = task_.epoch();
    progress.seconds = seconds();
    progress.done = static_cast<double>(state_.step) / static_cast<double>(max_steps_);
    if (settings_.max_time > 0) progress.done = std::max(progress.done, progress.seconds / settings_.max_time);
    progress.done = std::min(progress.done, 1.0);
    progress.tokens_per_second = speed_;
    progress.peak_bytes = peak_bytes();
  }

  /// Of all attempts together.
  int64_t peak_bytes() const { return std::max(state_.peak_bytes, memory_stats().peak); }

  void write(const MetricsRow& row) {
    log_.write(row);
    state_.history.push_back(row);
  }

  void log_step(const TrainProgress& progress) {
    MetricsRow row;
    row.emplace_back(
        "loss", state_.window_steps > 0 ? state_.window_loss / static_cast<double>(state_.window_steps) : std::nan(""));
    row.emplace_back("grad_norm", progress.grad_norm);
    row.emplace_back("learning_rate", progress.learning_rate);
    row.emplace_back("epoch", task_.epoch());
    row.emplace_back("num_input_tokens_seen", state_.tokens_seen);
    if (state_.skipped_steps > 0) row.emplace_back("skipped_steps", state_.skipped_steps);
    if (settings_.products == ProductType::f16) row.emplace_back("loss_scale", state_.loss_scale);
    row.emplace_back("step", state_.step);
    for (const auto& entry : statistics_) row.push_back(entry);
    if (window_seconds_ > 0)
      row.emplace_back("tokens_per_second", static_cast<double>(window_tokens_) / window_seconds_);
    write(row);
    state_.window_loss = 0, state_.window_steps = 0;
    window_tokens_ = 0, window_seconds_ = 0;
  }

  void evaluate() {
    const auto before = Clock::now();
    MetricsRow row;
    {
      const Shown shown(*optimizer_, average_);
      const RoundProducts rounded(settings_.products);
      row = task_.evaluate(settings_.eval_batch_size);
    }
    if (row.empty()) return;
    row.emplace_back("epoch", task_.epoch());
    row.emplace_back("step", state_.step);
    row.emplace_back("eval_runtime", std::chrono::duration<double>(Clock::now() - before).count());
    write(row);
    evaluation_ = row;
    observer_.evaluated(state_.step, row);
  }

  /// With save_strategy "no" only an early stop saves.
  void save(bool stopped) {
    if (!stopped && settings_.save_strategy == "no") return;
    if (saved_step_ == state_.step) return;
    state_.seconds = seconds();
    state_.peak_bytes = peak_bytes();
    const Shown shown(*optimizer_, average_);
    write_checkpoint(run_.output_dir, state_.step, [&](const fs::path& folder) {
      task_.save(folder);
      NamedState state = optimizer_->state();
      if (average_)
        for (auto& entry : average_->state()) state.push_back(std::move(entry));
      write_safetensors(folder / "optimizer.safetensors", state);
      write_run_state(folder / "trainer_state.json", state_, task_.epoch(), max_steps_, task_.cursor());
      if (!run_.recipe.empty()) write_file_atomic(folder / "recipe.toml", run_.recipe);
    });
    saved_step_ = state_.step;
    prune_checkpoints(run_.output_dir, settings_.save_total_limit);
  }

  TrainOutcome finish() {
    {
      const Shown shown(*optimizer_, average_);
      task_.save(run_.output_dir);
    }
    const double took = seconds();
    const auto steps = static_cast<double>(state_.step);
    MetricsRow row;
    row.emplace_back("train_loss", state_.applied_steps > 0
                                       ? state_.total_loss / static_cast<double>(state_.applied_steps)
                                       : std::nan(""));
    row.emplace_back("epoch", task_.epoch());
    row.emplace_back("num_input_tokens_seen", state_.tokens_seen);
    row.emplace_back("skipped_steps", state_.skipped_steps);
    row.emplace_back("parameters", task_.parameters().count());
    row.emplace_back("peak_bytes", peak_bytes());
    row.emplace_back("step", state_.step);
    row.emplace_back("train_runtime", took);
    row.emplace_back("train_steps_per_second", steps / took);
    row.emplace_back("train_tokens_per_second", static_cast<double>(state_.tokens_seen) / took);
    log_.write(row);
    release_cached_memory();  // a step's, so that the picture needs none beside it
    write_png(run_.output_dir / "loss.png", render_figure(figure_of_runs({run_.output_dir})));
    return {state_.step, false, state_.skipped_steps, row, evaluation_};
  }

  TrainTask& task_;
  const TrainSettings& settings_;
  const TrainRun& run_;
  TrainObserver silent_;
  TrainObserver& observer_;
  int64_t max_steps_;
  Schedule schedule_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<WeightAverage> average_;
  RunState state_;
  MetricsRow evaluation_;
  double seconds_before_ = 0;
  bool resumed_;
  RunLog log_;
  Clock::time_point began_;
  double speed_ = 0, window_seconds_ = 0;
  int64_t window_tokens_ = 0, saved_step_ = -1;
  bool checked_ = false;
  MetricsRow statistics_;
  bool in_step_ = false;  // with what a step that fails has to leave behind:
  Json cursor_before_;
  int64_t updates_before_ = 0;
};

}  // namespace

TrainOutcome train(TrainTask& task, const TrainSettings& settings, const TrainRun& run) {
  return Trainer(task, settings, run).go();
}

}  // namespace gradus
