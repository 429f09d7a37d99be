// SPDX-License-Identifier: MIT
// The rotary angles of a chunk of tokens, for every layer: one set for each set of RoPE parameters among the layers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/rope.h"
#include "model/config.h"

namespace proxima {

template <class T>
class Rotations {
 public:
  // Of one token: [half] cosines and sines.
  struct Angles {
    const T* cosines;
    const T* sines;
    size_t half;
  };

  Rotations(const ModelConfig& config, size_t max_chunk) {
    for (const LayerConfig& layer : config.layers) {
      const auto found = std::ranges::find(sets_, layer.rope, &Set::parameters);
      set_of_layer_.push_back(static_cast<size_t>(found - sets_.begin()));
      if (found != sets_.end()) continue;
      const size_t n_angles = max_chunk * layer.rope.n_dims / 2;
      sets_.push_back({layer.rope, {}, std::vector<T>(n_angles), std::vector<T>(n_angles), {}, {}});
    }
  }

  // For a sequence whose prompt has prompt_length tokens (dynamic scaling depends on it).
  void begin_sequence(size_t prompt_length) {
    for (Set& set : sets_) set.frequencies = rope_inverse_frequencies(set.parameters, prompt_length);
  }

  // Sets the angles of n positions from `first` on and, unless cap is SIZE_MAX, those of each or cap, whichever is
  // lower.
  void turn(size_t first, size_t n, size_t cap) {
    for (Set& set : sets_) {
      set.turn(first, 0, n, set.cosines, set.sines);
      if (cap == SIZE_MAX) continue;
      set.capped_cosines = set.cosines;
      set.capped_sines = set.sines;
      for (size_t row = 0; row < n; ++row) {
        if (first + row > cap) set.turn(cap, row, 1, set.capped_cosines, set.capped_sines);
      }
    }
  }

  Angles at(size_t layer, size_t row) const {
    const Set& set = sets_[set_of_layer_[layer]];
    const size_t half = set.parameters.n_dims / 2;
    return {set.cosines.data() + row * half, set.sines.data() + row * half, half};
  }
  Angles capped(size_t layer, size_t row) const {
    const Set& set = sets_[set_of_layer_[layer]];
    const size_t half = set.parameters.n_dims / 2;
    return {set.capped_cosines.data() + row * half, set.capped_sines.data() + row * half, half};
  }

 private:
  struct Set {
    RopeParameters parameters;
    std::vector<double> frequencies;  // [n_dims / 2]
    std::vector<T> cosines, sines;    // [C, n_dims / 2]
    std::vector<T> capped_cosines, capped_sines;

    void turn(size_t position, size_t row, size_t n, std::vector<T>& to_cosines, std::vector<T>& to_sines) const {
      const size_t offset = row * parameters.n_dims / 2;
      rope_angles(frequencies, parameters.attention_factor, position, n, to_cosines.data() + offset,
                  to_sines.data() + offset);
    }
  };
  std::vector<Set> sets_;
  std::vector<size_t> set_of_layer_;  // [n_layers]
};

}  // namespace proxima
