// SPDX-License-Identifier: MIT
#include "apps/interrupt.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

#include "core/error.h"

namespace proxima {
namespace {

// A signal handler can reach nothing but a static object.
volatile std::sig_atomic_t interrupt_requested = 0;

extern "C" void on_interrupt(int /*signal*/) {
  interrupt_requested = 1;
}

extern "C" void on_bus_error(int /*signal*/) {
  constexpr std::string_view kMessage =
      "proxima: a mapped file shrank or could no longer be read while it was in use; restore the model's files and run "
      "again\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage.data(), kMessage.size());
  _exit(static_cast<int>(ErrorKind::kInput));
}

void handle(int signal, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void install_signal_handlers() {
  handle(SIGINT, on_interrupt, static_cast<int>(SA_RESETHAND));
  handle(SIGBUS, on_bus_error, 0);
  handle(SIGPIPE, SIG_IGN, 0);
}

bool interrupted() {
  return interrupt_requested != 0;
}

}  // namespace proxima
