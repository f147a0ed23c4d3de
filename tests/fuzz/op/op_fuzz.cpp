// op_fuzz: random calls of every public operation, forward and backward, with operands nobody would choose. Each must
// give a readable result or throw gradus::Error; anything else is a bug: another exception, a signal, a sanitizer's
// report, bytes written outside a buffer, an operand that changed, a call that does not end.
//   op_fuzz [--calls N] [--seed S] [--only NAME]     prints what to type to see a failure again
//   op_fuzz --seed S --call N                        that one call, with its operands
//   op_fuzz --check                                  that every op of the registry is called
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <set>
#include <string>

#include "autograd/autograd.h"
#include "base/error.h"
#include "fuzz/op/dice.h"
#include "ops/create.h"
#include "ops/registry.h"
#include "ops/shape.h"
#include "tensor/allocator.h"

extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*)(void));

namespace gradus::fuzz {
namespace {

struct Arguments {
  uint64_t seed = 1;
  int64_t calls = 10000, call = -1;
  const char* only = nullptr;
  bool check = false;
};

// What is being called, for whoever finds the remains.
char where[256] = "";

void say_where() {
  if (write(STDERR_FILENO, where, std::strlen(where)) < 0) _exit(3);
}
void on_signal(int number) {
  const char* what = number == SIGALRM ? "\nop_fuzz: the call does not end: " : "\nop_fuzz: a signal in: ";
  if (write(STDERR_FILENO, what, std::strlen(what)) < 0) _exit(3);
  say_where();
  _exit(2);
}

bool sanitized() { return __sanitizer_set_death_callback != nullptr; }

void watch() {
  if (sanitized())
    __sanitizer_set_death_callback(say_where);
  else
    for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) signal(number, on_signal);
  signal(SIGALRM, on_signal);
}

struct Tally {
  int64_t tried = 0, done = 0, gradients = 0;
};

void read_all(const Tensors& results) {
  for (const Tensor& y : results) {
    if (!y.defined()) continue;
    if (y.device() == Device::cpu && y.count() < 1 << 20) y.to_vector<float>();
    y.describe();
  }
}

// First- and second-order gradients of whatever wants them.
int64_t walk_back(Dice& dice, const Tensors& results) {
  Tensors leaves, roots, seeds;
  for (const Tensor& x : dice.operands())
    if (is_leaf(x)) leaves.push_back(x);
  for (const Tensor& y : results)
    if (y.defined() && requires_grad(y) && y.count() < 1 << 20 && dice.chance(0.8)) {
      roots.push_back(y);
      seeds.push_back(dice.chance(0.7) ? ones_like(y) : dice.tensor(y.shape(), y.dtype()));
    }
  if (roots.empty() || leaves.empty()) return 0;
  const bool twice = dice.coin();
  const Tensors first = grad(roots, leaves, seeds, {.create_graph = twice});
  read_all(first);
  if (!twice) return 1;
  Tensors again, ones;
  for (const Tensor& g : first)
    if (g.defined() && requires_grad(g)) again.push_back(g), ones.push_back(ones_like(g));
  if (!again.empty()) read_all(grad(again, leaves, ones));
  return 1;
}

/// False when something was wrong, which is then printed.
bool run_call(const Arguments& args, int64_t number, const Call& call, Tally& tally) {
  Dice dice(args.seed, static_cast<uint64_t>(number));
  dice.below(static_cast<int64_t>(all_calls().size()));  // what chose the call
  std::snprintf(where, sizeof where, "op_fuzz --seed %llu --call %lld  (%s)\n",
                static_cast<unsigned long long>(args.seed), static_cast<long long>(number), call.name);
  const auto wrong = [&](const std::string& what) {
    std::fprintf(stderr, "%s\n    %s\n", what.c_str(), where);
    return false;
  };
  ++tally.tried;
  alarm(60);
  std::string refused;
  try {
    const Tensors results = call.run(dice);
    read_all(results);
    ++tally.done;
    tally.gradients += walk_back(dice, results);
  } catch (const Error& e) {
    refused = e.what();
  } catch (const std::exception& e) {
    return wrong(std::string("an exception that is no gradus::Error: ") + e.what());
  }
  alarm(0);
  for (size_t i = 0; i < dice.operands().size(); ++i)
    if (fingerprint(dice.operands()[i]) != dice.fingerprints()[i])
      return wrong("operand " + std::to_string(i) + " changed: " + dice.operands()[i].describe());
  if (args.call >= 0) {
    std::printf("%s", where);
    for (const Tensor& x : dice.operands())
      std::printf("  %s strides %s%s\n", x.describe().c_str(), x.strides().str().c_str(), is_leaf(x) ? " leaf" : "");
    std::printf("%s\n", refused.empty() ? "done" : refused.c_str());
  }
  return true;
}

int check_registry() {
  std::set<std::string> called;
  for (const Call& call : all_calls()) called.insert(call.name);
  int missing = 0;
  for (const OpInfo& op : all_ops())
    if (!called.count(op.name)) ++missing, std::fprintf(stderr, "op_fuzz does not call %s\n", op.name);
  return missing ? 1 : 0;
}

int fuzz(const Arguments& args) {
  watch();
  set_memory_ceiling(int64_t{256} << 20);
  std::map<std::string, Tally> tallies;
  int bad = 0;
  const int64_t first = args.call < 0 ? 0 : args.call, last = args.call < 0 ? args.calls : args.call + 1;
  for (int64_t number = first; number < last && bad < 20; ++number) {
    Dice dice(args.seed, static_cast<uint64_t>(number));
    const Call& call = all_calls()[static_cast<size_t>(dice.below(static_cast<int64_t>(all_calls().size())))];
    if (args.only && call.name != std::string(args.only)) continue;
    if (sanitized()) {
      bad += !run_call(args, number, call, tallies[call.name]);
    } else {
      const GuardBuffers guards;
      bad += !run_call(args, number, call, tallies[call.name]);
      if (guards.broken() > 0) ++bad, std::fprintf(stderr, "bytes outside a buffer were written\n    %s", where);
    }
  }
  int64_t tried = 0, done = 0, gradients = 0;
  for (const auto& [name, t] : tallies) {
    tried += t.tried, done += t.done, gradients += t.gradients;
    // An entry whose arguments never fit shows nothing.
    if (t.tried >= 200 && t.done * 20 < t.tried)
      ++bad, std::fprintf(stderr, "%s: %lld of %lld calls fit\n", name.c_str(), static_cast<long long>(t.done),
                          static_cast<long long>(t.tried));
  }
  std::printf("%lld calls of %zu functions: %lld done, %lld refused; %lld gradients; %d bad\n",
              static_cast<long long>(tried), tallies.size(), static_cast<long long>(done),
              static_cast<long long>(tried - done), static_cast<long long>(gradients), bad);
  return bad ? 1 : 0;
}

}  // namespace
}  // namespace gradus::fuzz

int main(int argc, char** argv) {
  gradus::fuzz::Arguments args;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (name == "--check") {
      args.check = true;
      continue;
    }
    if (!value) return std::fprintf(stderr, "op_fuzz: %s needs a value\n", argv[i]), 2;
    if (name == "--seed")
      args.seed = std::strtoull(value, nullptr, 10);
    else if (name == "--calls")
      args.calls = std::atoll(value);
    else if (name == "--call")
      args.call = std::atoll(value);
    else if (name == "--only")
      args.only = value;
    else
      return std::fprintf(stderr, "op_fuzz: unknown argument %s\n", argv[i]), 2;
    ++i;
  }
  return args.check ? gradus::fuzz::check_registry() : gradus::fuzz::fuzz(args);
}
