// SPDX-License-Identifier: MIT
// A weight matrix [n_out, n_in] quantized by row: weight = scale * step, scale = max|row| / 127, in the order of
// core/int8_kernels.h. Half of bf16's bytes.
#pragma once

#include <vector>

#include "core/compute.h"
#include "core/int8_kernels.h"
#include "core/reserved_memory.h"

namespace proxima {

class Int8Matrix {
 public:
  // Rows [n_out, n_in] of any stored type but Q8_0, widened to float. Uses compute.n_threads.
  Int8Matrix(const StoredRows& rows, size_t n_out, size_t n_in, const Compute& compute);

  static size_t n_bytes(size_t n_out, size_t n_in);

  size_t n_out() const { return n_out_; }
  size_t n_groups() const { return scales_.size() / kInt8Lanes; }
  Int8Groups groups() const { return {reinterpret_cast<const uint8_t*>(bytes_.data()), scales_.data(), n_quads_}; }

 private:
  void quantize_group(size_t group, const StoredRows& rows, size_t n_in, const Arithmetic<float>& arithmetic);

  size_t n_out_;
  size_t n_quads_;
  std::vector<float> scales_;  // [n_groups, 16], 0 beyond n_out
  ReservedMemory bytes_;       // [n_groups, n_quads, 16, 4]
};

}  // namespace proxima
