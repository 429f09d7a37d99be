// SPDX-License-Identifier: MIT
// Compiles kernels-inl.h once per Highway target. Highway re-includes this file under a target pragma each time, so no
// function compiled for one instruction set can be picked by the linker for another.
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/kernels.h"
#include "core/kernels_tables.h"
#include "core/split_constants.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels_simd.cpp"
#include "hwy/foreach_target.h"
// After foreach_target.
#include "hwy/highway.h"

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
HWY_BEFORE_NAMESPACE();
namespace proxima {
namespace HWY_NAMESPACE {
namespace {
#include "core/lanes_highway-inl.h"
// The kernels come second: they are written over Lanes.
#include "core/kernels-inl.h"
}  // namespace

Kernels table(SimdTarget target) {
  return {target, arithmetic<float>(), arithmetic<double>(), block_kernels(), int8_kernels()};
}

}  // namespace HWY_NAMESPACE
}  // namespace proxima
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace proxima {

const Kernels* avx2_kernels() {
#if HWY_TARGETS & HWY_AVX2
  static const Kernels kTable = N_AVX2::table(SimdTarget::kAvx2);
  return &kTable;
#else
  return nullptr;
#endif
}

const Kernels* avx512_kernels() {
#if HWY_TARGETS & HWY_AVX3
  static const Kernels kTable = N_AVX3::table(SimdTarget::kAvx512);
  return &kTable;
#else
  return nullptr;
#endif
}

const Kernels* neon_kernels() {
#if HWY_TARGETS & HWY_NEON
  static const Kernels kTable = N_NEON::table(SimdTarget::kNeon);
  return &kTable;
#else
  return nullptr;
#endif
}

}  // namespace proxima
#endif
