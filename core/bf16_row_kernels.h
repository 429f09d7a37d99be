// SPDX-License-Identifier: MIT
// Dot products of stored BF16 rows with few vectors, multiplied in bf16 (AVX512_BF16): half the instructions of float
// and half the cache for the vectors, which is what limits a decode step where memory is fast. Mixes of rows would gain
// nothing: float keeps up with memory.
#pragma once

#include "core/compute.h"

namespace proxima {

// The kernels' arithmetic in T. For float in kFast, with the kernels of AVX-512 on a processor that has AVX512_BF16,
// `dot` rounds x to bf16 (by at most 2^-8) wherever the rows are BF16 and n is a multiple of 32, at most 16384. Sums
// stay float.
template <class T>
Arithmetic<T> arithmetic_for(const Compute& compute, Precision precision);
template <>
Arithmetic<float> arithmetic_for(const Compute& compute, Precision precision);
template <>
Arithmetic<double> arithmetic_for(const Compute& compute, Precision precision);

}  // namespace proxima
