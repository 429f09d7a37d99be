// SPDX-License-Identifier: MIT
#include "core/onednn_gemm.h"

#if PROXIMA_HAS_ONEDNN
#include <omp.h>

#include <dnnl.hpp>
#include <map>
#include <new>
#include <tuple>

namespace proxima {
namespace {

class OneDnnProducts : public OneDnnGemm {
 public:
  void multiply(const BF16* x, size_t m, const std::byte* w, size_t n, size_t k, float* y) override {
    const Shape shape{dim(m), dim(n), dim(k)};
    auto found = products_.find(shape);
    if (found == products_.end()) found = products_.emplace(shape, Product(engine_, shape)).first;
    Product& product = found->second;
    // oneDNN's interface takes pointers to non-const and does not write through these two.
    product.x.set_data_handle(const_cast<BF16*>(x));
    product.w.set_data_handle(const_cast<std::byte*>(w));
    product.y.set_data_handle(y);
    product.primitive.execute(stream_, product.arguments);
    stream_.wait();
  }

  void multiply(const float* x, size_t m, const float* w, size_t n, size_t k, float* y,
                size_t y_stride) const override {
    omp_set_num_threads(1);
    const auto status =
        dnnl::sgemm('N', 'T', dim(m), dim(n), dim(k), 1.0F, x, dim(k), w, dim(k), 0.0F, y, dim(y_stride));
    if (status != dnnl::status::success) throw std::bad_alloc();  // the one thing that can go wrong with fair sizes
  }

 private:
  using Shape = std::tuple<dnnl::memory::dim, dnnl::memory::dim, dnnl::memory::dim>;
  static dnnl::memory::dim dim(size_t value) { return static_cast<dnnl::memory::dim>(value); }

  struct Product {
    Product(const dnnl::engine& engine, const Shape& shape) {
      using dnnl::memory;
      const auto [m, n, k] = shape;
      const memory::desc x_desc({m, k}, memory::data_type::bf16, memory::format_tag::ab);
      const memory::desc w_desc({k, n}, memory::data_type::bf16, memory::format_tag::ba);
      const memory::desc y_desc({m, n}, memory::data_type::f32, memory::format_tag::ab);
#if DNNL_VERSION_MAJOR >= 3
      primitive = dnnl::matmul(dnnl::matmul::primitive_desc(engine, x_desc, w_desc, y_desc));
#else
      primitive = dnnl::matmul({dnnl::matmul::desc(x_desc, w_desc, y_desc), engine});
#endif
      x = memory(x_desc, engine, nullptr);
      w = memory(w_desc, engine, nullptr);
      y = memory(y_desc, engine, nullptr);
      arguments = {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}};
    }
    dnnl::matmul primitive;
    dnnl::memory x, w, y;
    std::unordered_map<int, dnnl::memory> arguments;
  };

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::map<Shape, Product> products_;
};

}  // namespace

std::unique_ptr<OneDnnGemm> OneDnnGemm::create(SimdTarget target) {
  if (target != SimdTarget::kAvx512) return nullptr;
  return std::make_unique<OneDnnProducts>();
}

bool OneDnnGemm::built_in() {
  return true;
}

}  // namespace proxima

#else

namespace proxima {

std::unique_ptr<OneDnnGemm> OneDnnGemm::create(SimdTarget /*target*/) {
  return nullptr;
}

bool OneDnnGemm::built_in() {
  return false;
}

}  // namespace proxima

#endif
