// SPDX-License-Identifier: MIT
// Dot products of stored BF16 rows with few vectors, and their mixes, multiplied in bf16 (AVX512_BF16): half the
// instructions of float and half the cache for the vectors, which is what limits a decode step where memory is fast.
#pragma once

#include "core/compute.h"

namespace proxima {

// The kernels' arithmetic in T. For float in kFast, with the kernels of AVX-512 on a processor that has AVX512_BF16 and
// for BF16 rows of a multiple of 32 elements: `dot` rounds x, of up to 16384 elements, to bf16 (by at most 2^-8), `mix`
// rounds the weights where rows have 96 or 128 elements. Sums stay float.
template <class T>
Arithmetic<T> arithmetic_for(const Compute& compute, Precision precision);
template <>
Arithmetic<float> arithmetic_for(const Compute& compute, Precision precision);
template <>
Arithmetic<double> arithmetic_for(const Compute& compute, Precision precision);

}  // namespace proxima
