// SPDX-License-Identifier: MIT
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/kernels.h"
#include "core/kernels_tables.h"
#include "core/split_constants.h"

#define HWY_INLINE inline
#define HWY_ATTR

namespace proxima {
namespace scalar {
namespace {
#include "core/lanes_scalar-inl.h"
// The kernels come second: they are written over Lanes.
#include "core/kernels-inl.h"
}  // namespace
}  // namespace scalar

const Kernels* scalar_kernels() {
  static constexpr Kernels kTable{SimdTarget::kScalar, scalar::arithmetic<float>(), scalar::arithmetic<double>(),
                                  scalar::block_kernels(), scalar::int8_kernels()};
  return &kTable;
}

}  // namespace proxima
