// SPDX-License-Identifier: MIT
#include "apps/eval/settings.h"

#include <nlohmann/json.hpp>

#include "core/fnv1a.h"
#include "model/fingerprint.h"

namespace proxima {

std::string text_digest(std::string_view text) {
  Fnv1a digest;
  digest.add(std::as_bytes(std::span(text)));
  return digest.text();
}

std::string ids_digest(std::span<const TokenId> ids) {
  Fnv1a digest;
  digest.add(std::as_bytes(ids));
  return digest.text();
}

nlohmann::ordered_json run_settings(const Session& session, const std::string& cache_flags) {
  const CommonOptions& options = session.options();
  const MemoryRequest& request = session.request();
  nlohmann::ordered_json settings = {{"version", PROXIMA_VERSION},
                                     {"model", checkpoint_fingerprint(session.model().checkpoint)},
                                     {"tokenizer", tokenizer_fingerprint(session.model().dir)},
                                     {"precision", precision_name(request.precision)},
                                     {"simd", simd_target_name(session.compute().kernels->target)},
                                     {"threads", session.compute().n_threads},
                                     {"chunk", options.chunk},
                                     {"cache", cache_kind_name(request.cache.kind)},
                                     {"cache_options", cache_flags},
                                     {"key_dtype", dtype_name(request.key_dtype)},
                                     {"value_dtype", dtype_name(request.value_dtype)}};
  if (request.int8_weights) settings["weights"] = "int8";
  if (request.cache.map) settings["map"] = text_digest(sharing_map_text(*request.cache.map));
  return settings;
}

}  // namespace proxima
