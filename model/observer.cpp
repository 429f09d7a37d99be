// SPDX-License-Identifier: MIT
#include "model/observer.h"

#include <fmt/format.h>

namespace proxima {

std::string full_point_name(Point point, size_t layer) {
  return is_layer_point(point) ? fmt::format("layers.{}.{}", layer, point_name(point)) : std::string(point_name(point));
}

}  // namespace proxima
