// SPDX-License-Identifier: MIT
// Any two texts (cut at the first 0xFF byte) either are refused with an Error(kInput) of one line or give a config
// whose sizes the runtime can compute with.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "model/config.h"

namespace {

using namespace proxima;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const ModelConfig& config) {
  require(config.n_layers > 0 && config.hidden > 0 && config.intermediate > 0 && config.vocab > 0);
  require(config.n_kv_heads > 0 && config.n_heads % config.n_kv_heads == 0);
  require(config.head_dim > 0 && config.head_dim % 2 == 0 && config.layers.size() == config.n_layers);
  require(config.max_position > 0 && config.rms_norm_eps > 0);
  for (const LayerConfig& layer : config.layers) {
    require(layer.rope.n_dims <= config.head_dim && layer.rope.n_dims % 2 == 0 && layer.window > 0);
    require(layer.rope.theta >= 1 && layer.rope.factor >= 1 && layer.rope.attention_factor > 0);
  }
  for (const TokenId id : config.eos_ids) require(id < config.vocab);
  size_t n_bytes = 16;  // keys and values in double
  for (const size_t factor : {config.n_layers, config.n_kv_heads, config.head_dim, config.max_position}) {
    require(!__builtin_mul_overflow(n_bytes, factor, &n_bytes));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t n_input) {
  const std::string_view text(reinterpret_cast<const char*>(input), n_input);
  const size_t cut = text.find('\xff');
  const std::string_view generation = cut == text.npos ? std::string_view("{}") : text.substr(cut + 1);
  try {
    check(parse_config("dir", text.substr(0, cut), generation));
  } catch (const Error& error) {
    const std::string_view message = error.what();
    require(error.kind() == ErrorKind::kInput && message.find('\n') == message.npos && message.size() < 2000);
  }
  return 0;
}
