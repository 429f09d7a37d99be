// SPDX-License-Identifier: MIT
// Signals, as a user at a shell expects them. The first interrupt asks the running job to end cleanly with its text and
// statistics, the second one kills. A file that shrinks while it is mapped ends the program with one line and exit code
// 3. A reader that goes away makes writing fail (exit code 7) instead of killing silently.
#pragma once

namespace proxima {

void install_signal_handlers();

// Whether the user has asked to stop. Jobs look at it between chunks and tokens.
bool interrupted();

}  // namespace proxima
