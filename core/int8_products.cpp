// SPDX-License-Identifier: MIT
#include "core/int8_products.h"

#include <algorithm>

#include "core/task_runs.h"
#include "core/threads.h"

namespace proxima {
namespace {

constexpr size_t kTaskGroups = 4;  // of weights; even, since the kernels take them in pairs

size_t blocks_of(size_t n_in) {
  return (n_in + kInt8Block - 1) / kInt8Block;
}

size_t n_tasks_of(const Int8Products::Product& product) {
  return (product.w->n_groups() + kTaskGroups - 1) / kTaskGroups;
}

}  // namespace

Int8Products::Int8Products(const Compute& compute) : compute_(compute), kernels_(compute.kernels->int8) {
  if (const Int8Multiply faster = vnni_multiply(compute.kernels->target)) kernels_.multiply = faster;
}

Int8Rows Int8Products::quantize(const float* x, size_t n_rows, size_t n_in) {
  const size_t n_blocks = blocks_of(n_in), stride = n_blocks * kInt8Block;
  steps_.resize(std::max(steps_.size(), n_rows * stride));
  scales_.resize(std::max(scales_.size(), n_rows * n_blocks));
  offsets_.resize(scales_.size());
  for_each_index(compute_.threads_for(n_rows * n_in), n_rows, [&](size_t row) {
    kernels_.quantize(x + row * n_in, n_in, steps_.data() + row * stride, scales_.data() + row * n_blocks,
                      offsets_.data() + row * n_blocks);
  });
  return {steps_.data(), scales_.data(), offsets_.data(), stride, n_blocks};
}

void Int8Products::multiply(const float* x, size_t n_rows, size_t n_in, std::span<const Product> products) {
  const Int8Rows rows = quantize(x, n_rows, n_in);
  size_t n_multiply_adds = 0;
  for (const Product& product : products) n_multiply_adds += n_rows * product.w->n_out() * n_in;
  for_each_task(compute_.threads_for(n_multiply_adds), products, n_tasks_of,
                [&](size_t /*thread*/, const Product& product, size_t task) {
                  const Int8Matrix& w = *product.w;
                  const size_t first = task * kTaskGroups * kInt8Lanes;
                  const size_t count = std::min(kTaskGroups * kInt8Lanes, w.n_out() - first);
                  kernels_.multiply(rows, n_rows, w.groups().from(task * kTaskGroups), count, product.y + first,
                                    w.n_out());
                });
}

size_t Int8Products::scratch_bytes(size_t max_rows, size_t max_in) {
  return max_rows * blocks_of(max_in) * (kInt8Block + sizeof(float) + sizeof(int32_t));
}

}  // namespace proxima
