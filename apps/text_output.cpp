// SPDX-License-Identifier: MIT
#include "apps/text_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace proxima {

void protect_standard_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free descriptor is this one. Read-only, so that writing to it fails.
    [[maybe_unused]] const int filled = open("/dev/null", O_RDONLY);
  }
}

void write_output(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      fail(ErrorKind::kOutput, "standard output could not be written: {}; the rest of the output is lost",
           std::strerror(errno));
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
}

std::string csv_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char letter : text) quoted += letter == '"' ? std::string("\"\"") : std::string(1, letter);
  return quoted + '"';
}

}  // namespace proxima
