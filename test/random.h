// SPDX-License-Identifier: MIT
// Random numbers of our own for tests: a seed gives the same numbers on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace proxima::test {

// splitmix64 (Steele, Lea, Flood 2014): every seed is a good seed.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    uint64_t z = state_;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return z ^ z >> 31;
  }
  double symmetric() { return static_cast<double>(next() >> 11) * 0x1p-52 - 1.0; }  // uniform in [-1, 1)
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  size_t between(size_t least, size_t most) { return least + below(most - least + 1); }

  template <class T>
  std::vector<T> numbers(size_t n, double reach = 1) {
    std::vector<T> x(n);
    for (T& value : x) value = static_cast<T>(reach * symmetric());
    return x;
  }

 private:
  uint64_t state_;
};

}  // namespace proxima::test
