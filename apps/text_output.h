// SPDX-License-Identifier: MIT
// Data for standard output: unbuffered, so that a reader sees each piece of text at once, and every write checked.
#pragma once

#include <string>
#include <string_view>

namespace proxima {

// Keeps files opened later from landing on a standard descriptor that the caller has closed: writing to a closed
// standard output then fails as it should. Call first.
void protect_standard_streams();

// Throws Error(kOutput) naming the reason: a full disk, a closed descriptor, a reader that has gone.
void write_output(std::string_view text);

// A field of a CSV table, in quotes.
std::string csv_text(const std::string& text);

}  // namespace proxima
