// SPDX-License-Identifier: MIT
#include "model/finite_observer.h"

#include <cmath>

#include "core/error.h"

namespace proxima {
namespace {

template <class T>
void check(const Observation& seen) {
  const T* values = static_cast<const T*>(seen.data);
  for (size_t row = 0; row < seen.n_rows; ++row, values += seen.n_columns) {
    unsigned any = 0;
    for (size_t column = 0; column < seen.n_columns; ++column) any |= std::isfinite(values[column]) ? 0U : 1U;
    if (any == 0) continue;
    size_t column = 0;
    while (std::isfinite(values[column])) ++column;
    const bool by_query = seen.point == Point::kAttnScores;
    fail(ErrorKind::kNonFinite, "{} is {} at position {}, {}column {}: the first value of this run that is not finite",
         full_point_name(seen.point, seen.layer), values[column], seen.first_position + (by_query ? 0 : row),
         by_query ? fmt::format("head {}, ", row) : "", column);
  }
}

}  // namespace

bool FiniteCheck::wants(Point point, size_t layer) const {
  return point != Point::kLogits || (next_ != nullptr && next_->wants(point, layer));
}

bool FiniteCheck::wants_scores(size_t layer, size_t query) const {
  return next_ != nullptr && next_->wants_scores(layer, query);
}

void FiniteCheck::observe(const Observation& seen) {
  if (seen.dtype == DType::kF64) {
    check<double>(seen);
  } else {
    check<float>(seen);
  }
  if (next_ == nullptr) return;
  if (seen.point == Point::kAttnScores || next_->wants(seen.point, seen.layer)) next_->observe(seen);
}

}  // namespace proxima
