// SPDX-License-Identifier: MIT
// Random choices that a seed and a name determine on every machine, so that synthetic tasks can be made again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace proxima {

// SplitMix64.
class RandomStream {
 public:
  RandomStream(uint64_t seed, std::string_view name) : state_(seed) {
    for (const char letter : name) state_ = (state_ ^ static_cast<unsigned char>(letter)) * 0x100000001B3U + seed;
  }

  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

  // Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // Uniform in [0, n); n is far below 2^64, so the remainder's bias does not matter.
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }

  // An index into weights, each as often as it weighs: they are not negative and not all 0.
  size_t weighted(const std::vector<double>& weights) {
    double sum = 0;
    for (const double weight : weights) sum += weight;
    double left = uniform() * sum;
    size_t index = 0;
    while (index + 1 < weights.size() && left >= weights[index]) left -= weights[index++];
    while (weights[index] == 0) --index;  // rounding
    return index;
  }

  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

  template <class T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

  // `count` distinct numbers below n, in random order; count <= n.
  std::vector<size_t> distinct(size_t n, size_t count) {
    std::vector<size_t> all(n);
    for (size_t i = 0; i < n; ++i) all[i] = i;
    for (size_t i = 0; i < count; ++i) std::swap(all[i], all[i + below(n - i)]);
    all.resize(count);
    return all;
  }

 private:
  uint64_t state_;
};

}  // namespace proxima
