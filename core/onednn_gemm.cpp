// SPDX-License-Identifier: MIT
#include "core/onednn_gemm.h"

#if PROXIMA_HAS_ONEDNN
#include <omp.h>

#include <algorithm>
#include <dnnl.hpp>
#include <map>
#include <tuple>
#include <vector>

#include "core/threads.h"

namespace proxima {
namespace {

class OneDnnProducts : public OneDnnGemm {
 public:
  explicit OneDnnProducts(const Compute& compute) : compute_(compute) {}

  void multiply(const float* x, size_t n_rows, const GemmProduct& wanted) override {
    const Matrix& w = wanted.w;
    const int n_threads = compute_.threads_for(n_rows * w.n_out * w.n_in);
    rounded_.resize(std::max(rounded_.size(), n_rows * w.n_in));
    for_each_index(n_threads, n_rows, [&](size_t row) {
      compute_.kernels->f32.narrow(x + row * w.n_in, w.n_in, DType::kBF16,
                                   reinterpret_cast<std::byte*>(rounded_.data() + row * w.n_in));
    });
    const Shape shape{dim(n_rows), dim(w.n_out), dim(w.n_in)};
    auto found = products_.find(shape);
    if (found == products_.end()) found = products_.emplace(shape, Product(engine_, shape)).first;
    Product& product = found->second;
    product.x.set_data_handle(rounded_.data());
    // oneDNN's interface takes a pointer to non-const and does not write through it.
    product.w.set_data_handle(const_cast<std::byte*>(w.rows.data));
    product.y.set_data_handle(wanted.y);
    omp_set_num_threads(n_threads);
    product.primitive.execute(stream_, product.arguments);
    stream_.wait();
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

  Compute compute_;
  std::vector<BF16> rounded_;  // x
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::map<Shape, Product> products_;
};

}  // namespace

std::unique_ptr<OneDnnGemm> OneDnnGemm::create(const Compute& compute) {
  return std::make_unique<OneDnnProducts>(compute);
}

bool OneDnnGemm::built_in() {
  return true;
}

}  // namespace proxima

#else

namespace proxima {

std::unique_ptr<OneDnnGemm> OneDnnGemm::create(const Compute& /*compute*/) {
  return nullptr;
}

bool OneDnnGemm::built_in() {
  return false;
}

}  // namespace proxima

#endif
