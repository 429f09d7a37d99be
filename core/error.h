// SPDX-License-Identifier: MIT
// The one exception of the project. Bad files, flags and prompts throw it at load or at a public boundary; the command
// line catches it once and turns its kind into the exit code. Asserts are for our own bugs only.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace proxima {

// The value is the exit code of the command line.
enum class ErrorKind : int {
  kLimit = 1,        // a comparison or evaluation failed its limit
  kUsage = 2,        // flags, ids out of range, invalid UTF-8
  kInput = 3,        // a model or input file is not what it should be
  kContext = 4,      // does not fit the model's context
  kMemory = 5,       // does not fit this machine's memory
  kNonFinite = 6,    // NaN or infinity while running
  kOutput = 7,       // output could not be written
  kInterrupt = 130,  // the user interrupted the run
};

// The message is one line: what is wrong, where, and what to do about it.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace proxima
