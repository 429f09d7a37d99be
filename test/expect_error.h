// SPDX-License-Identifier: MIT
// Expects that a call throws proxima::Error of one kind, with a one-line message that contains a text.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/error.h"

namespace proxima::test {

template <class Call>
void expect_error(ErrorKind kind, std::string_view part, Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.kind(), kind) << message;
    EXPECT_NE(message.find(part), std::string::npos) << "message: " << message << "\nshould contain: " << part;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return;
  }
  ADD_FAILURE() << "no Error was thrown; expected one with: " << part;
}

}  // namespace proxima::test
