// SPDX-License-Identifier: MIT
// The arithmetic that depends on the instruction set, as a table of functions per SIMD target.
//
// One source (kernels-inl.h) is written over virtual registers of 64 bytes (16 floats, 8 doubles) and compiled once per
// target. Every sum runs over these virtual lanes and ends in one fixed tree, every multiply-add is fused, so for the
// same input all targets return the same bits. A caller keeps that promise by cutting work only where results do not
// depend on the cut: whole dot products, whole attention pieces.
//
// T is the type of arithmetic, float or double. Stored rows may be F64 (T = double only), F32, BF16, F16 or Q8_0 (T =
// float only; rows of whole blocks) and start at any byte; they are widened exactly. No function allocates, throws or
// keeps state.
#pragma once

#include <cstddef>

#include "core/dtype.h"
#include "core/int8_kernels.h"
#include "core/processor.h"

namespace proxima {

// Rows of a stored matrix; elements of a row, or their blocks, are dense.
struct StoredRows {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  size_t stride_bytes = 0;  // from one row to the next

  StoredRows from(size_t row) const { return {data + row * stride_bytes, dtype, stride_bytes}; }
};

template <class T>
struct Arithmetic {
  // y[r, c] = sum_k x[r, k] * w[c, k]        x [n_x, n], w [n_w, n], y [n_x, n_w]; strides in elements
  void (*dot)(const T* x, size_t x_stride, size_t n_x, StoredRows w, size_t n_w, size_t n, T* y, size_t y_stride);

  // out[r, :] (+)= sum_j p[r, j] * v[j, :], keys in ascending order    p [n_r, n_keys], v [n_keys, n], out [n_r, n]
  void (*mix)(const T* p, size_t p_stride, size_t n_r, StoredRows v, size_t n_keys, size_t n, T* out, size_t out_stride,
              bool accumulate);

  // In place: scores -> exp(scale * score - max), max = the largest scaled score; returns their sum. n is padded by the
  // caller with -infinity to a multiple of 16. A row of nothing but -infinity becomes zeros, max -infinity, sum 0; a
  // NaN among the scores makes the sum NaN.
  T (*exponentials)(T* scores, size_t n, T scale, T* max);

  // e^x with the bits that `exponentials` gives it.
  T (*exp)(T x);

  // Scores that are to be capped (Gemma 2): score -> cap * tanh(scale * score / cap)
  void (*softcap)(T* scores, size_t n, T scale, T cap);

  // Log-sum-exp merge of a partial softmax into an accumulated one: (max, sum, out [n]) each.
  void (*merge)(T* max, T* sum, T* out, T piece_max, T piece_sum, const T* piece_out, size_t n);

  // x[i] *= factor
  void (*scale)(T* x, size_t n, T factor);
  // y[i] += x[i]
  void (*add)(T* y, const T* x, size_t n);
  // y = x / sqrt(mean(x^2) + eps) * weight
  void (*rmsnorm)(const T* x, const T* weight, T eps, size_t n, T* y);
  // gate[i] = silu(gate[i]) * up[i]
  void (*silu_mul)(T* gate, const T* up, size_t n);
  // gate[i] = gelu(gate[i]) * up[i], GELU by its tanh approximation
  void (*gelu_mul)(T* gate, const T* up, size_t n);
  // Rotates the pairs (x[i], x[i + n_half]) in place by the angles whose cosines and sines are given [n_half].
  void (*rotate)(T* x, const T* cosines, const T* sines, size_t n_half);

  // Between stored elements and T. Narrowing rounds to nearest even; storing needs F64 for double, F32/BF16/F16/Q8_0
  // for float. A block of Q8_0 with an element that is not finite reads as NaN.
  void (*widen)(const std::byte* stored, DType dtype, size_t n, T* x);
  void (*narrow)(const T* x, size_t n, DType dtype, std::byte* stored);

  // sum of m log2 m with m = (p + r) / 2 and 0 log 0 = 0: the entropies of which a Jensen-Shannon divergence consists.
  // p, r >= 0; n is padded by the caller with 0 to a multiple of 16. Terms in T, summed in double.
  double (*mean_entropy)(const T* p, const T* r, size_t n);
};

// A block of keys against a tile of query rows, for `fast` prefill: everything is transposed, [.., n_rows] with n_rows
// a multiple of 16, so that a register holds rows. Start with max = lowest float, sum = 0, out = 0. The order of sums
// depends on how the caller cuts blocks.
struct BlockKernels {
  // scores[key, row] = sum_c keys[key, c] * q[c, row]      q [head_dim, n_rows], keys [n_keys, head_dim]
  void (*scores)(const float* q, size_t n_rows, const float* keys, size_t n_keys, size_t head_dim, float* scores);
  // Online softmax over the keys: scores become exponentials relative to the updated max [n_rows], sum [n_rows] is
  // updated, and rescale [n_rows] says by how much earlier sums shrank.
  void (*softmax)(float* scores, size_t n_rows, size_t n_keys, float* max, float* sum, float* rescale);
  // out[c, row] = rescale[row] * out[c, row] + sum_key p[key, row] * values[key, c]     values [n_keys, head_dim]
  void (*mix)(const float* p, size_t n_rows, const float* values, size_t n_keys, size_t head_dim, const float* rescale,
              float* out);
};

struct Kernels {
  SimdTarget target = SimdTarget::kScalar;
  Arithmetic<float> f32;
  Arithmetic<double> f64;
  BlockKernels block;
  Int8Kernels int8;

  template <class T>
  const Arithmetic<T>& of() const;
};
template <>
inline const Arithmetic<float>& Kernels::of<float>() const {
  return f32;
}
template <>
inline const Arithmetic<double>& Kernels::of<double>() const {
  return f64;
}

// The table of a target; throws Error(kUsage) naming what this processor supports if it cannot run it.
const Kernels& kernels_for(SimdTarget target);

}  // namespace proxima
