#pragma once

namespace gradus::cli {

/// The exit code of a verb that was interrupted. One that ends in order throws CLI::RuntimeError(kInterrupted).
constexpr int kInterrupted = 130;

/// From now on SIGINT and SIGTERM end the program at once with that code (unless they were ignored already).
void exit_on_interrupt();
/// From now on the first SIGINT or SIGTERM only asks for an orderly end; a second one ends the program at once.
void watch_interrupts();
bool interrupted();

}  // namespace gradus::cli
