// SPDX-License-Identifier: MIT
// The kernels of kernels.h over virtual registers. Included once per target, after the target's Lanes.

// Each uses what comes before it.
#include "core/lane_access-inl.h"

#include "core/elementary-inl.h"

#include "core/product_kernels-inl.h"

#include "core/softmax_kernels-inl.h"

#include "core/entropy-inl.h"

#include "core/row_kernels-inl.h"

#include "core/block_kernels-inl.h"

#include "core/int8_kernels-inl.h"

template <class T>
constexpr Arithmetic<T> arithmetic() {
  return {dot<T>,     mix<T>,      exponentials<T>, exp_scalar<T>, softcap<T>, merge<T>,  scale<T>,       add<T>,
          rmsnorm<T>, silu_mul<T>, gelu_mul<T>,     rotate<T>,     widen<T>,   narrow<T>, mean_entropy<T>};
}
