#include "cli/interrupt.h"

#include <atomic>
#include <csignal>

namespace gradus::cli {

namespace {

std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void on_signal(int number) {
  asked = true;
  std::signal(number, SIG_DFL);
}

}  // namespace

void watch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupted() { return asked; }

}  // namespace gradus::cli
