#include "cli/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace gradus::cli {

namespace {

std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void at_once(int) { ::_exit(kInterrupted); }

void on_signal(int number) {
  asked = true;
  std::signal(number, at_once);
}

}  // namespace

void exit_on_interrupt() {
  for (const int number : {SIGINT, SIGTERM})
    if (std::signal(number, at_once) == SIG_IGN) std::signal(number, SIG_IGN);
}

void watch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupted() { return asked; }

}  // namespace gradus::cli
