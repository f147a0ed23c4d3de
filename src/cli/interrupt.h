#pragma once

namespace gradus::cli {

/// The exit code of a verb that was interrupted; it throws CLI::RuntimeError(kInterrupted).
constexpr int kInterrupted = 130;

/// From now on the first SIGINT or SIGTERM only asks for an orderly end; a second one ends the program at once.
void watch_interrupts();
bool interrupted();

}  // namespace gradus::cli
