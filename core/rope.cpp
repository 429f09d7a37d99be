// SPDX-License-Identifier: MIT
#include "core/rope.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace proxima {
namespace {

// Long double and rounded once: the frequencies multiply positions, so their relative error grows into the angle.
std::vector<double> unscaled_frequencies(long double theta, size_t n_dims) {
  std::vector<double> frequencies(n_dims / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const long double exponent = static_cast<long double>(2 * i) / static_cast<long double>(n_dims);
    frequencies[i] = static_cast<double>(1.0L / std::pow(theta, exponent));
  }
  return frequencies;
}

// Dynamic NTK: the base grows with the prompt beyond max_position.
long double dynamic_theta(const RopeParameters& rope, size_t prompt_length) {
  if (prompt_length <= rope.max_position) return rope.theta;
  const long double ratio = static_cast<long double>(prompt_length) / static_cast<long double>(rope.max_position);
  const long double factor = rope.factor;
  const auto n_dims = static_cast<long double>(rope.n_dims);
  return rope.theta * std::pow(factor * ratio - (factor - 1), n_dims / (n_dims - 2));
}

// Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between blended.
double llama3_frequency(const RopeParameters& rope, double frequency) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  const auto original = static_cast<double>(rope.original_max_position);
  if (wavelength > original / rope.low_freq_factor) return frequency / rope.factor;
  if (wavelength < original / rope.high_freq_factor) return frequency;
  const double smooth = (original / wavelength - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

// YaRN: dimensions that turn more than beta_fast times within the original context are kept, those below beta_slow
// turns are stretched by `factor`, and a ramp over the dimensions between blends the two.
void blend_yarn(const RopeParameters& rope, std::vector<double>& frequencies) {
  const auto n_dims = static_cast<double>(rope.n_dims);
  const auto dimension_of = [&](double turns) {
    const auto original = static_cast<double>(rope.original_max_position);
    return n_dims * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
  };
  const double low = std::max(std::floor(dimension_of(rope.beta_fast)), 0.0);
  double high = std::min(std::ceil(dimension_of(rope.beta_slow)), n_dims - 1);
  if (low == high) high += 0.001;  // as the reference does
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] / rope.factor * ramp + frequencies[i] * (1 - ramp);
  }
}

// sum of c_k x^k / k! for k = first, first + 2, ..., last with alternating signs, by Horner's rule.
double alternating_series(double x, int first, int last) {
  const double square = x * x;
  double sum = 1;
  for (int k = last; k > first; k -= 2) sum = 1 - square / (static_cast<double>(k) * (k - 1)) * sum;
  return first == 1 ? sum * x : sum;
}

}  // namespace

std::vector<double> rope_inverse_frequencies(const RopeParameters& rope, size_t prompt_length) {
  const bool dynamic = rope.kind == RopeKind::kDynamic;
  auto frequencies = unscaled_frequencies(dynamic ? dynamic_theta(rope, prompt_length) : rope.theta, rope.n_dims);
  switch (rope.kind) {
    case RopeKind::kDefault:
    case RopeKind::kDynamic:
      break;
    case RopeKind::kLinear:
      for (double& frequency : frequencies) frequency /= rope.factor;
      break;
    case RopeKind::kYarn:
      blend_yarn(rope, frequencies);
      break;
    case RopeKind::kLlama3:
      for (double& frequency : frequencies) frequency = llama3_frequency(rope, frequency);
      break;
    case RopeKind::kLongrope: {
      const auto& factors = prompt_length > rope.original_max_position ? rope.long_factors : rope.short_factors;
      for (size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= factors[i];
      break;
    }
  }
  return frequencies;
}

size_t rope_length_limit(const RopeParameters& rope, size_t prompt_length) {
  if (rope.kind == RopeKind::kDynamic) return std::max(prompt_length, rope.max_position);
  if (rope.kind == RopeKind::kLongrope && prompt_length <= rope.original_max_position)
    return rope.original_max_position;
  return SIZE_MAX;
}

void sine_cosine(double angle, double* sine, double* cosine) {
  // Cody-Waite: pi/2 in three parts of 33 bits, so quotient * part is exact for quotients below 2^20.
  constexpr double kPart1 = 1.57079632673412561417e+00;
  constexpr double kPart2 = 6.07710050630396597660e-11;
  constexpr double kPart3 = 2.02226624879595063154e-21;
  const double quotient = std::floor(angle * (2 / std::numbers::pi) + 0.5);
  const double r = ((angle - quotient * kPart1) - quotient * kPart2) - quotient * kPart3;
  const double s = alternating_series(r, 1, 19);
  const double c = alternating_series(r, 0, 18);
  switch (static_cast<uint64_t>(quotient) % 4) {
    case 0:
      *sine = s, *cosine = c;
      break;
    case 1:
      *sine = c, *cosine = -s;
      break;
    case 2:
      *sine = -s, *cosine = -c;
      break;
    default:
      *sine = -c, *cosine = s;
      break;
  }
}

template <class T>
void rope_angles(const std::vector<double>& inverse_frequencies, double attention_factor, size_t first,
                 size_t n_positions, T* cosines, T* sines) {
  const size_t n_half = inverse_frequencies.size();
  for (size_t t = 0; t < n_positions; ++t) {
    for (size_t i = 0; i < n_half; ++i) {
      double sine = 0;
      double cosine = 0;
      sine_cosine(static_cast<double>(first + t) * inverse_frequencies[i], &sine, &cosine);
      cosines[t * n_half + i] = static_cast<T>(cosine * attention_factor);
      sines[t * n_half + i] = static_cast<T>(sine * attention_factor);
    }
  }
}

template void rope_angles(const std::vector<double>&, double, size_t, size_t, float*, float*);
template void rope_angles(const std::vector<double>&, double, size_t, size_t, double*, double*);

}  // namespace proxima
