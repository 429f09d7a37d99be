// SPDX-License-Identifier: MIT
// Rotary position embedding: the frequencies of each scaling variant and the rotation's cosines and sines.
// Angles are computed in double with our own sine and cosine and rounded once, so every target gives the same bits.
// Pairs are (i, i + head_dim/2), the half-split order of Hugging Face checkpoints.
#pragma once

#include <cstddef>
#include <vector>

namespace proxima {

enum class RopeKind { kDefault, kLinear, kDynamic, kLlama3 };

struct RopeParameters {
  RopeKind kind = RopeKind::kDefault;
  size_t head_dim = 0;
  double theta = 10000.0;
  double factor = 1.0;               // linear, dynamic, llama3
  double low_freq_factor = 1.0;      // llama3
  double high_freq_factor = 1.0;     // llama3
  size_t original_max_position = 0;  // llama3
  size_t max_position = 0;           // dynamic: max_position_embeddings

  bool operator==(const RopeParameters&) const = default;
};

// inv_freq [head_dim/2] for a prompt of prompt_length tokens; only `dynamic` depends on the length.
std::vector<double> rope_inverse_frequencies(const RopeParameters& rope, size_t prompt_length);

// The longest sequence for which the frequencies of a prompt of prompt_length tokens stay right (dynamic scaling
// changes them beyond max_position); SIZE_MAX where there is no such border.
size_t rope_length_limit(const RopeParameters& rope, size_t prompt_length);

// Sine and cosine of a finite angle >= 0, within 2.5 ulp up to a million radians. Plain multiplications and
// additions in a fixed order.
void sine_cosine(double angle, double* sine, double* cosine);

// cosines and sines [n_positions, head_dim/2] of positions first, first + 1, ...
template <class T>
void rope_angles(const std::vector<double>& inverse_frequencies, size_t first, size_t n_positions, T* cosines,
                 T* sines);

}  // namespace proxima
