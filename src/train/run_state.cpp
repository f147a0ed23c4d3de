#include "train/run_state.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace gradus {

namespace {

// One list of the fields, for reading and writing.
template <class State, class F>
void each_field(State& state, F&& f) {
  f("window_loss", state.window_loss);
  f("window_steps", state.window_steps);
  f("total_loss", state.total_loss);
  f("applied_steps", state.applied_steps);
  f("skipped_steps", state.skipped_steps);
  f("skipped_in_a_row", state.skipped_in_a_row);
  f("seconds", state.seconds);
}

// Fields that older checkpoints lack.
template <class State, class F>
void each_later_field(State& state, F&& f) {
  f("peak_bytes", state.peak_bytes);
  f("loss_scale", state.loss_scale);
  f("scale_steps", state.scale_steps);
}

Json json_of(const MetricsRow& row) {
  Json json = Json::object();
  for (const auto& [name, v] : row) {
    if (!std::isfinite(v.value))
      json[name] = nullptr;
    else if (v.integer)
      json[name] = static_cast<int64_t>(v.value);
    else
      json[name] = v.value;
  }
  return json;
}

MetricsRow row_of(const Json& json) {
  MetricsRow row;
  for (const auto& [name, v] : json.items()) {
    if (v.is_number_integer())
      row.emplace_back(name, v.get<int64_t>());
    else
      row.emplace_back(name, v.is_number() ? v.get<double>() : std::nan(""));
  }
  return row;
}

}  // namespace

void write_run_state(const std::filesystem::path& file, const RunState& state, double epoch, int64_t max_steps,
                     const Json& cursor) {
  Json own = Json::object();
  each_field(state, [&](const char* name, const auto& value) { own[name] = value; });
  each_later_field(state, [&](const char* name, const auto& value) { own[name] = value; });
  own["cursor"] = cursor;
  Json history = Json::array();
  for (const MetricsRow& row : state.history) history.push_back(json_of(row));
  write_json(file, {{"epoch", epoch},
                    {"global_step", state.step},
                    {"max_steps", max_steps},
                    {"num_input_tokens_seen", state.tokens_seen},
                    {"is_local_process_zero", true},
                    {"is_world_process_zero", true},
                    {"gradus", own},
                    {"log_history", history}});
}

RunState read_run_state(const std::filesystem::path& file, Json& cursor) {
  const Json json = read_json(file);
  const auto need = [&](const Json& object, const char* key) -> const Json& {
    if (!object.is_object() || !object.contains(key))
      throw FileError("resume", file.string() + " has no \"" + key + "\".",
                      "only checkpoints that gradus train wrote can be resumed.");
    return object.at(key);
  };
  RunState state;
  const auto read = [&](const Json& object, const char* key, auto& value) {
    const Json& stored = need(object, key);
    if (!stored.is_number()) throw FileError("resume", file.string() + ": \"" + key + "\" must be a number.");
    value = stored.get<std::decay_t<decltype(value)>>();
  };
  read(json, "global_step", state.step);
  read(json, "num_input_tokens_seen", state.tokens_seen);
  const Json& own = need(json, "gradus");
  each_field(state, [&](const char* name, auto& value) { read(own, name, value); });
  each_later_field(state, [&](const char* name, auto& value) {
    if (own.contains(name)) read(own, name, value);
  });
  cursor = need(own, "cursor");
  for (const Json& row : need(json, "log_history"))
    if (row.is_object()) state.history.push_back(row_of(row));
  return state;
}

}  // namespace gradus
