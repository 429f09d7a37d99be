// SPDX-License-Identifier: MIT
#include "core/bf16_gemm.h"

#include "core/processor.h"

#if PROXIMA_HAS_ONEDNN
#include <dnnl.hpp>
#include <map>
#include <tuple>

namespace proxima {
namespace {

class OneDnnGemm : public Bf16Gemm {
 public:
  void multiply(const BF16* x, size_t m, const std::byte* w, size_t n, size_t k, float* y) override {
    const Shape shape{static_cast<dnnl::memory::dim>(m), static_cast<dnnl::memory::dim>(n),
                      static_cast<dnnl::memory::dim>(k)};
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

 private:
  using Shape = std::tuple<dnnl::memory::dim, dnnl::memory::dim, dnnl::memory::dim>;

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

std::unique_ptr<Bf16Gemm> Bf16Gemm::create() {
  if (!has_bf16_products()) return nullptr;
  return std::make_unique<OneDnnGemm>();
}

bool Bf16Gemm::built_in() {
  return true;
}

}  // namespace proxima

#else

namespace proxima {

std::unique_ptr<Bf16Gemm> Bf16Gemm::create() {
  return nullptr;
}

bool Bf16Gemm::built_in() {
  return false;
}

}  // namespace proxima

#endif
