// SPDX-License-Identifier: MIT
#include "apps/cache_spec.h"
#include "apps/eval/settings.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "apps/eval/eval_options.h"
#include "test/expect_error.h"

namespace proxima {
namespace {

using test::expect_error;

TEST(EvalSettings, CacheSpecs) {
  const CommonOptions base;
  const CacheSpec dense = parse_cache_spec("dense", base);
  EXPECT_EQ(dense.options.cache, CacheKind::kDense);
  EXPECT_EQ(dense.flags, "--cache dense");
  for (const char* text : {"pod:map=m.json,nr=64", "pod --map m.json --nr 64"}) {
    const CacheSpec pod = parse_cache_spec(text, base);
    EXPECT_EQ(pod.options.cache, CacheKind::kPod);
    EXPECT_EQ(pod.options.map, "m.json");
    EXPECT_EQ(pod.options.nr, size_t{64});
    EXPECT_FALSE(pod.options.ns);
    EXPECT_EQ(pod.flags, "--cache pod --map m.json --nr 64");
  }
  EXPECT_EQ(parse_cache_spec("pod:map=a/b/m.json,nr=64", base).name, "pod:map=m.json,nr=64");
  const CacheSpec named = parse_cache_spec("damage=pod:map=a/m.json", base);
  EXPECT_EQ(named.name, "damage");
  EXPECT_EQ(named.options.map, "a/m.json");
  expect_error(ErrorKind::kUsage, "dense|pod", [&] { parse_cache_spec("nonsense", base); });
  expect_error(ErrorKind::kUsage, "--none", [&] { parse_cache_spec("pod:none=3", base); });
  expect_error(ErrorKind::kUsage, "", [&] { parse_cache_spec("pod:nr=0", base); });
  expect_error(ErrorKind::kUsage, "", [&] { parse_cache_spec("", base); });
}

TEST(EvalSettings, GivenCacheOptionsAreThoseOfTheCacheOnly) {
  EvalOptions options;
  CLI::App app;
  declare_eval(app, options);
  app.parse(std::vector<std::string>{"x.json", "--map", "pod", "--cache", "f32", "--cache-type-k", "2", "-t"});
  EXPECT_EQ(options.cache_flags(), "--cache-type-k f32 --cache pod --map x.json");
}

TEST(EvalSettings, WithDenseCacheKeepsTheRest) {
  CommonOptions options;
  options.model = "m";
  options.chunk = 9;
  options.cache = CacheKind::kPod;
  options.map = "x";
  const CommonOptions dense = with_dense_cache(options);
  EXPECT_NE(dense.cache, CacheKind::kPod);
  EXPECT_EQ(dense.map, "");
  EXPECT_EQ(dense.chunk, 9U);
  EXPECT_EQ(dense.model, "m");
}

TEST(EvalSettings, Digests) {
  EXPECT_EQ(text_digest(""), "cbf29ce484222325");
  EXPECT_EQ(text_digest("a"), "af63dc4c8601ec8c");  // the published vector of FNV-1a
  const std::vector<TokenId> ids = {0x61};
  EXPECT_EQ(ids_digest(ids), text_digest(std::string_view("a\0\0\0", 4)));
}

}  // namespace
}  // namespace proxima
