// The functions that every chat template finds.
#include <algorithm>
#include <ctime>

#include "text/jinja/renderer.h"

namespace gradus::jinja {

namespace {

std::vector<std::pair<Value, Value>> dict_of(Renderer& r, Arguments& a) {
  std::vector<std::pair<Value, Value>> items;
  if (a.positional.size() > 1) throw Failure{"dict takes at most 1 positional argument"};
  if (!a.positional.empty()) {
    const Value& from = a.positional[0];
    if (from.dict()) {
      items = from.dict()->items;
    } else {
      for (const Value& pair : items_of(from, r.meter())) {
        const auto two = iterate(pair, r.meter());
        if (two->items.size() != 2) throw Failure{"dict needs pairs of a key and a value"};
        dict_set(items, two->items[0], two->items[1], r.meter());
      }
    }
  }
  for (const auto& [name, value] : a.named) dict_set(items, Value(name), value, r.meter());
  r.meter().charge(items.size() * 2 * sizeof(Value));
  return items;
}

Value make_space(Renderer& r, Arguments& a) {
  Namespace* space = r.make_namespace();
  for (auto& [key, value] : dict_of(r, a)) {
    if (!key.string() || key.string()->substr(0, 1) == "_")
      throw Failure{"a namespace cannot hold " + to_repr(key, r.meter())};
    space->items.emplace_back(*key.string(), value);
  }
  return Value(space);
}

Value range(Renderer& r, Arguments& a) {
  constexpr int64_t kMost = 100'000;  // what Jinja's sandbox allows
  if (a.positional.empty() || a.positional.size() > 3 || !a.named.empty())
    throw Failure{"range takes 1 to 3 arguments"};
  int64_t numbers[3] = {0, 0, 1};
  for (size_t i = 0; i < a.positional.size(); ++i) {
    if (!a.positional[i].is_int())
      throw Failure{std::string("range takes integers, not '") + type_name(a.positional[i]) + "'"};
    numbers[a.positional.size() == 1 ? 1 : i] = a.positional[i].as_int();
  }
  const auto [start, stop, step] = numbers;
  if (step == 0) throw Failure{"range: the step must not be zero"};
  Values items;
  for (__int128 i = start; step > 0 ? i < stop : i > stop; i += step) {
    if (static_cast<int64_t>(items.size()) == kMost) throw Failure{"range is longer than 100000 items"};
    items.emplace_back(static_cast<int64_t>(i));
  }
  r.meter().charge(items.size() * sizeof(Value));
  return make_list(std::move(items), Sequence::range);
}

Value raise_exception(Renderer& r, Arguments& a) {
  Bound b("raise_exception", a, {"message"});
  throw Failure{"the template refuses the conversation: " + to_text(b.need(0), r.meter()),
                "the messages must be in the form that this model was trained on."};
}

Value strftime_now(Renderer& r, Arguments& a) {
  Bound b("strftime_now", a, {"format"});
  const std::string& format = b.text(0);
  if (format.size() > 1000) throw Failure{"strftime_now: the format is longer than 1000 bytes"};
  if (format.empty()) return Value("");
  const std::time_t now = std::chrono::system_clock::to_time_t(r.now());
  std::tm local{};
  localtime_r(&now, &local);
  // A blank in front tells an empty result from one that did not fit.
  std::string out(64 * (format.size() + 2), '\0');
  out.resize(std::strftime(out.data(), out.size(), (" " + format).c_str(), &local));
  return Value(out.empty() ? out : out.substr(1));
}

Value joiner(Renderer&, Arguments& a) {
  Bound b("joiner", a, {"sep"});
  const std::string separator = b.at(0) ? b.text(0) : ", ";
  const auto used = std::make_shared<bool>(false);
  return Value(std::make_shared<const Callable>(Callable{"joiner", [separator, used](Renderer&, Arguments&) {
                                                           return Value(std::exchange(*used, true) ? separator : "");
                                                         }}));
}

}  // namespace

std::vector<std::pair<std::string, Value>> global_functions() {
  static const std::pair<const char*, Value (*)(Renderer&, Arguments&)> kFunctions[] = {
      {"range", range},
      {"dict", [](Renderer& r, Arguments& a) { return make_dict(dict_of(r, a)); }},
      {"namespace", make_space},
      {"raise_exception", raise_exception},
      {"strftime_now", strftime_now},
      {"joiner", joiner}};
  std::vector<std::pair<std::string, Value>> out;
  for (const auto& [name, call] : kFunctions)
    out.emplace_back(name, Value(std::make_shared<const Callable>(Callable{name, call})));
  return out;
}

}  // namespace gradus::jinja
