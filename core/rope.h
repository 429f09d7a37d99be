// SPDX-License-Identifier: MIT
// Rotary position embedding: the frequencies of each scaling variant and the rotation's cosines and sines.
// Angles are computed in double with our own sine and cosine and rounded once, so every target gives the same bits.
// Pairs are (i, i + n_dims/2), the half-split order of Hugging Face checkpoints.
#pragma once

#include <cstddef>
#include <vector>

namespace proxima {

// Linear: Chen et al., arXiv 2306.15595; dynamic: NTK-aware with a base that follows the prompt; YaRN: arXiv
// 2309.00071; llama3: Llama 3.1; longrope: arXiv 2402.13753.
enum class RopeKind { kDefault, kLinear, kDynamic, kYarn, kLlama3, kLongrope };

struct RopeParameters {
  RopeKind kind = RopeKind::kDefault;
  size_t n_dims = 0;  // rotated dimensions of a head, the first ones; even
  double theta = 10000.0;
  double attention_factor = 1.0;           // yarn, longrope: multiplies cosines and sines
  double factor = 1.0;                     // linear, dynamic, yarn, llama3
  double low_freq_factor = 1.0;            // llama3
  double high_freq_factor = 1.0;           // llama3
  double beta_fast = 32.0;                 // yarn
  double beta_slow = 1.0;                  // yarn
  size_t original_max_position = 0;        // yarn, llama3, longrope
  size_t max_position = 0;                 // dynamic: max_position_embeddings
  std::vector<double> short_factors = {};  // [n_dims/2] longrope, prompts up to original_max_position
  std::vector<double> long_factors = {};   // [n_dims/2] longrope, longer prompts

  bool operator==(const RopeParameters&) const = default;
};

// inv_freq [n_dims/2] for a prompt of prompt_length tokens; only dynamic and longrope depend on the length.
std::vector<double> rope_inverse_frequencies(const RopeParameters& rope, size_t prompt_length);

// The longest sequence for which the frequencies of a prompt of prompt_length tokens stay right (dynamic and longrope
// scaling change them with length); SIZE_MAX where there is no such border.
size_t rope_length_limit(const RopeParameters& rope, size_t prompt_length);

// Sine and cosine of a finite angle >= 0, within 2.5 ulp up to a million radians. Plain multiplications and
// additions in a fixed order.
void sine_cosine(double angle, double* sine, double* cosine);

// cosines and sines [n_positions, n_dims/2] of positions first, first + 1, ..., times attention_factor.
template <class T>
void rope_angles(const std::vector<double>& inverse_frequencies, double attention_factor, size_t first,
                 size_t n_positions, T* cosines, T* sines);

}  // namespace proxima
