// SPDX-License-Identifier: MIT
// Plain English words for synthetic tasks, and prose made of them.
#pragma once

#include <string>
#include <vector>

#include "apps/eval/random_stream.h"

namespace proxima {

const std::vector<std::string>& adjectives();
const std::vector<std::string>& nouns();
const std::vector<std::string>& verbs();

// One sentence with its full stop: "The old miller carried a lantern to the bridge before noon."
std::string random_sentence(RandomStream& random);

// A capitalised name of `n_syllables` plain syllables: "Tobi", "Tobina".
std::string random_name(RandomStream& random, size_t n_syllables);

// An adjective and a noun: "amber lantern".
std::string random_thing(RandomStream& random);

// n decimal digits, the first one not 0.
std::string random_digits(RandomStream& random, size_t n);

}  // namespace proxima
