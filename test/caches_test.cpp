// SPDX-License-Identifier: MIT
// Every cache against the reference transformer, which applies each method from its definition: random models, settings
// and chunk sizes, decoding after the prompt; the methods' invariants; bytes against the plan.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "test/expect_error.h"
#include "test/random.h"
#include "test/random_map.h"
#include "test/run_model.h"
#include "test/tiny_families.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using test::Random;

constexpr CacheKind kForgetting[] = {CacheKind::kWindow,       CacheKind::kLmInfinite, CacheKind::kH2o,
                                     CacheKind::kSnapKv,       CacheKind::kPyramidKv,  CacheKind::kQuest,
                                     CacheKind::kCla,          CacheKind::kPodH2o,     CacheKind::kPodSnapKv,
                                     CacheKind::kPodPyramidKv, CacheKind::kPodQuest};

CacheChoice random_choice(CacheKind kind, const CacheGeometry& geometry, Random& random) {
  CacheChoice choice{.kind = kind};
  if (uses_map(kind)) choice.map = test::random_map(geometry, random);
  choice.window = {random.below(6), random.between(1, 40), random.below(2) == 0};
  choice.lm_infinite = {random.below(6), random.between(1, 40)};
  choice.quest_budget = 16 * random.between(1, 5);
  choice.cla_factor = random.between(2, 3);
  SelectionSettings& selection = choice.selection;
  selection.snapkv = {random.between(1, 12), 2 * random.below(4) + 1,
                      random.below(2) == 0 ? Pooling::kMax : Pooling::kMean};
  selection.pyramidkv.beta = random.between(2, 20);
  selection.budget = selection.snapkv.window + random.between(1, 60);
  if (random.below(2) == 0) selection.h2o_recent = random.between(1, selection.budget - 1);
  return choice;
}

Model random_model(const test::TemporaryFolder& folder, Random& random) {
  test::TinyModelOptions options;
  if (random.below(3) == 0) {
    const auto families = test::tiny_families(random.next());
    options = families[random.below(families.size())];
  } else {
    options.layers = random.between(2, 6);
    options.kv_heads = random.between(1, 3);
    options.heads = options.kv_heads * random.between(1, 3);
    options.seed = random.next();
  }
  test::write_tiny_model(folder.path(), options);
  return open_model(folder.path());
}

class CachesTest : public testing::TestWithParam<CacheKind> {};

TEST_P(CachesTest, AgreeWithTheReference) {
  Random random(static_cast<uint64_t>(GetParam()) + 10);
  double largest = 0;
  size_t n_runs = 0;
  for (int round = 0; round < 8; ++round) {
    const test::TemporaryFolder folder;
    const Model model = random_model(folder, random);
    const CacheChoice choice = random_choice(GetParam(), cache_geometry(model.config), random);
    const size_t n_prompt = random.between(1, 150), n_tokens = n_prompt + random.between(1, 30);
    const auto ids = test::random_ids(n_tokens, model.config.vocab, random.next());
    const auto method = reference::method_of(choice, model.config, n_prompt);
    const auto expected = reference::run(model, ids, {.prompt_length = n_prompt, .method = method.get()});
    for (const size_t chunk : {size_t{1}, size_t{7}, size_t{64}, n_prompt}) {
      SCOPED_TRACE(fmt::format("{} {} prompt {} of {} chunk {} round {}", cache_kind_name(choice.kind),
                               cache_settings_text(choice), n_prompt, n_tokens, chunk, round));
      std::unique_ptr<KvCache> cache;
      const bool saves = chunk == 7;
      const auto run = test::run_model(model, ids,
                                       {.cache = &choice,
                                        .chunk = chunk,
                                        .n_prompt = n_prompt,
                                        .cache_after = &cache,
                                        .saved_at = saves ? n_prompt : 0});
      const double error = test::deviation(run.logits, expected.logits).largest;
      ASSERT_LT(error, 1e-10);
      largest = std::max(largest, error);
      ++n_runs;
      const auto* selected = dynamic_cast<const SelectedCache*>(cache.get());
      for (size_t cell = 0; selected != nullptr && cell < model.config.n_layers * model.config.n_kv_heads; ++cell) {
        const size_t layer = cell / model.config.n_kv_heads, head = cell % model.config.n_kv_heads;
        const auto& kept = selected->kept(layer, head);
        ASSERT_EQ(std::vector<size_t>(kept.begin(), kept.end()), *method->kept(layer, head));
      }
    }
  }
  std::printf("%s: %zu runs, logits within %.1e\n", std::string(cache_kind_name(GetParam())).c_str(), n_runs, largest);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CachesTest, testing::ValuesIn(kForgetting), [](const auto& each) {
  std::string name(cache_kind_name(each.param));
  std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
  return name;
});

// Long enough that windows, rings and pages matter, in the promise's two precisions and with two families a kind: all
// families come up.
TEST_P(CachesTest, TheSameBitsOverThreadsChunksTargetsAndFiles) {
  Random random(static_cast<uint64_t>(GetParam()) + 50);
  const auto families = test::tiny_families();
  const auto targets = supported_simd_targets();
  size_t family = 2 * static_cast<size_t>(GetParam());
  for (const Precision precision : {Precision::kF64, Precision::kF32}) {
    const test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), families[family++ % families.size()]);
    const Model model = open_model(folder.path());
    CacheChoice choice = random_choice(GetParam(), cache_geometry(model.config), random);
    if (choice.map) choice.map->ns = 4, choice.map->nr = 300;
    choice.window = {4, 300, true}, choice.lm_infinite = {4, 300};
    choice.selection.budget = 320, choice.selection.snapkv = {}, choice.quest_budget = 320;
    choice.selection.h2o_recent.reset();
    const size_t n_prompt = 700;
    const auto ids = test::random_ids(720, model.config.vocab, 7);
    std::vector<double> first;
    size_t n = 0;
    for (const size_t chunk : {size_t{700}, size_t{1}, size_t{7}, size_t{64}}) {
      const auto run = test::run_model(model, ids,
                                       {.precision = precision,
                                        .cache = &choice,
                                        .chunk = chunk,
                                        .n_prompt = n_prompt,
                                        .n_threads = n % 2 == 0 ? 1 : 2,
                                        .target = targets[n % targets.size()],
                                        .saved_at = n % 2 == 0 ? 0 : n_prompt});
      if (n++ == 0) first = run.logits;
      EXPECT_EQ(run.logits, first) << precision_name(precision) << " chunk " << chunk;
    }
  }
}

// Q8_0 rows are exact in float, so the promise of f32 holds over them as well. A file keeps their bytes.
TEST_P(CachesTest, OverBlocksTheSameBitsAndTheReference) {
  Random random(static_cast<uint64_t>(GetParam()) + 170);
  const auto targets = supported_simd_targets();
  const test::TemporaryFolder folder;
  test::write_tiny_model(folder.path(), {.layers = 4, .heads = 4, .kv_heads = 2, .head_dim = 32});
  const Model model = open_model(folder.path());
  const CacheChoice choice = random_choice(GetParam(), cache_geometry(model.config), random);
  const size_t n_prompt = 130;
  const auto ids = test::random_ids(150, model.config.vocab, 7);
  const auto run = [&](size_t chunk, size_t n, DType dtype) {
    return test::run_model(model, ids,
                           {.precision = Precision::kF32,
                            .cache = &choice,
                            .chunk = chunk,
                            .n_prompt = n_prompt,
                            .n_threads = n % 2 == 0 ? 1 : 2,
                            .target = targets[n % targets.size()],
                            .key_dtype = dtype,
                            .value_dtype = dtype,
                            .saved_at = n % 2 == 0 ? 0 : n_prompt})
        .logits;
  };
  const auto first = run(n_prompt, 0, DType::kQ8_0);
  size_t n = 1;
  for (const size_t chunk : {size_t{1}, size_t{7}, size_t{64}}) EXPECT_EQ(run(chunk, n++, DType::kQ8_0), first);
  // What a method selects may turn on a rounding; what all see may not.
  if (selection_method(choice.kind) || choice.kind == CacheKind::kQuest || choice.kind == CacheKind::kPodQuest) return;
  const auto method = reference::method_of(choice, model.config, n_prompt);
  const auto reference_of = [&](std::optional<DType> dtype) {
    return reference::run(model, ids, {.kv_dtype = dtype, .prompt_length = n_prompt, .method = method.get()}).logits;
  };
  const auto expected = reference_of(DType::kQ8_0);
  const double of_blocks = test::deviation(expected, reference_of({})).mean;
  EXPECT_LT(test::deviation(first, expected).mean, of_blocks / 20);
}

// Invariants 5, 6 and 8 of methods.md, and their like: where nothing needs to go, a method is what it is built on.
TEST(Caches, WhereNothingGoesTheyAreDenseOrPod) {
  Random random(3);
  for (int round = 0; round < 4; ++round) {
    const test::TemporaryFolder folder;
    const Model model = random_model(folder, random);
    const CacheGeometry geometry = cache_geometry(model.config);
    const auto ids = test::random_ids(140, model.config.vocab, random.next());
    const auto logits = [&](const CacheChoice& choice) {
      return test::run_model(model, ids, {.cache = &choice, .chunk = 33, .n_prompt = 120}).logits;
    };
    const auto dense = logits({});
    for (const CacheKind kind : kForgetting) {
      if (uses_map(kind) || kind == CacheKind::kCla) continue;
      CacheChoice choice = random_choice(kind, geometry, random);
      choice.selection.h2o_recent.reset();
      EXPECT_EQ(logits(with_budget(choice, 160)), dense) << cache_kind_name(kind);
    }
    SharingMap map = test::random_map(geometry, random);
    map.nr = 20;
    const auto pod = logits({.kind = CacheKind::kPod, .map = map});
    EXPECT_EQ(logits({.kind = CacheKind::kPodQuest, .map = map, .quest_budget = 160}), pod);
    const SharingMap singletons = uniform_sharing_map(geometry, 1);
    for (const auto& [alone, combined] :
         {std::pair{CacheKind::kSnapKv, CacheKind::kPodSnapKv},
          std::pair{CacheKind::kPyramidKv, CacheKind::kPodPyramidKv}, std::pair{CacheKind::kH2o, CacheKind::kPodH2o},
          std::pair{CacheKind::kQuest, CacheKind::kPodQuest}}) {
      CacheChoice choice = with_budget({.kind = alone}, 48);
      const auto expected = logits(choice);
      choice.kind = combined, choice.map = singletons;
      EXPECT_EQ(logits(choice), expected) << cache_kind_name(combined);
    }
  }
}

// Invariant 7. Of a selection over PoD the plan is the most that can be.
TEST_P(CachesTest, BytesAreAsPlanned) {
  Random random(static_cast<uint64_t>(GetParam()) + 90);
  for (int round = 0; round < 40; ++round) {
    CacheGeometry geometry = test::random_geometry(random);
    const bool blocks = round % 4 == 0;
    if (blocks) geometry.head_dim = 64;
    const CacheChoice choice = random_choice(GetParam(), geometry, random);
    const CacheCapacity capacity{200, random.between(1, 40), blocks ? DType::kQ8_0 : DType::kF32,
                                 blocks ? DType::kQ8_0 : DType::kF64};
    const auto cache = make_cache(choice, geometry, capacity);
    const size_t n_prompt = random.between(1, 150), n_heads = 2 * geometry.n_kv_heads;
    const std::vector<std::byte> rows(capacity.max_chunk * geometry.n_kv_heads * geometry.head_dim * 8);
    const auto append = [&](size_t n) {
      for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
        if (!cache->appends(layer)) continue;
        const size_t end = cache->n_tokens() + n;
        if (cache->wants_unrotated_keys()) cache->append_unrotated(layer, n, rows.data());
        cache->append(layer, n, rows.data(), rows.data());
        for (size_t query = end - n; query < end; ++query) {
          if (cache->wants_probabilities(layer, query)) {
            cache->take_probabilities(layer, query, random.numbers<double>(n_heads * (query + 1)));
          }
        }
      }
    };
    const auto planned = [&](CachePhase phase) {
      return planned_cache_bytes(choice, geometry, capacity, n_prompt, phase);
    };
    cache->begin_prompt(n_prompt);
    for (size_t done = 0; done < n_prompt;) {
      const size_t count = std::min(capacity.max_chunk, n_prompt - done);
      append(count);
      done += count;
    }
    const CacheBytes reading = cache->total_bytes(), most = planned(CachePhase::kReadingPrompt);
    EXPECT_EQ(reading.logical, most.logical);
    EXPECT_EQ(reading.slack, most.slack);
    cache->end_prompt();
    const size_t after = cache->total_bytes().logical, expected = planned(CachePhase::kAfterPrompt).logical;
    if (uses_map(choice.kind) && selection_method(choice.kind)) {
      EXPECT_LE(after, expected);
    } else {
      EXPECT_EQ(after, expected) << cache_kind_name(choice.kind);
    }
    append(1);
    const auto& windows = geometry.layer_window;
    const bool full = std::ranges::all_of(windows, [&](size_t window) { return window >= choice.selection.budget; });
    if (choice.kind == CacheKind::kH2o && full && n_prompt >= choice.selection.budget) {
      EXPECT_EQ(cache->total_bytes().logical, expected);
    }
  }
}

// A saved cache that lacks a store, or a row of one, or holds another type, is not taken for one.
TEST_P(CachesTest, DamagedStoresAreRefused) {
  Random random(static_cast<uint64_t>(GetParam()) + 130);
  const test::TemporaryFolder folder;
  const Model model = random_model(folder, random);
  const CacheGeometry geometry = cache_geometry(model.config);
  const CacheChoice choice = random_choice(GetParam(), geometry, random);
  const auto ids = test::random_ids(90, model.config.vocab, 5);
  std::unique_ptr<KvCache> cache;
  test::run_model(model, ids, {.cache = &choice, .chunk = 30, .n_prompt = 80, .cache_after = &cache});
  const std::vector<KeptRows> whole = cache->save();
  const auto restore = [&](const std::vector<KeptRows>& stores) {
    make_cache(choice, geometry, cache->capacity())->restore(90, stores, "saved.kv");
  };
  EXPECT_NO_THROW(restore(whole));
  for (size_t k = 0; k < whole.size(); ++k) {
    SCOPED_TRACE(whole[k].name);
    auto stores = whole;
    stores.erase(stores.begin() + static_cast<ptrdiff_t>(k));
    test::expect_error(ErrorKind::kInput, "saved.kv", [&] { restore(stores); });
    stores = whole;
    stores[k].dtype = DType::kI32;
    test::expect_error(ErrorKind::kInput, "saved.kv", [&] { restore(stores); });
    stores = whole;
    if (stores[k].runs.empty()) continue;
    RowRun& run = stores[k].runs.front();
    run = {run.first + 1, run.count - 1, run.data + stores[k].row_bytes()};
    if (run.count == 0) stores[k].runs.erase(stores[k].runs.begin());
    test::expect_error(ErrorKind::kInput, "saved.kv", [&] { restore(stores); });
  }
}

// Skipping, decided query head by query head, in prefill and decode.
TEST(Caches, SkippingAgreesWithTheReference) {
  Random random(4);
  double largest = 0;
  for (int round = 0; round < 12; ++round) {
    const test::TemporaryFolder folder;
    const Model model = random_model(folder, random);
    CacheChoice choice{.kind = CacheKind::kPod, .map = test::random_map(cache_geometry(model.config), random)};
    choice.gate = {0.3 + 0.05 * static_cast<double>(random.below(12)), static_cast<GateKind>(round % 3)};
    const size_t n_prompt = random.between(60, 140), n_tokens = n_prompt + random.between(1, 20);
    const auto ids = test::random_ids(n_tokens, model.config.vocab, random.next());
    const auto method = reference::method_of(choice, model.config, n_prompt);
    const auto expected = reference::run(model, ids, {.prompt_length = n_prompt, .method = method.get()});
    for (const size_t chunk : {size_t{1}, size_t{7}, size_t{64}, n_prompt}) {
      SCOPED_TRACE(cache_settings_text(choice) + " chunk " + std::to_string(chunk));
      const auto run = test::run_model(model, ids, {.cache = &choice, .chunk = chunk, .n_prompt = n_prompt});
      const double error = test::deviation(run.logits, expected.logits).largest;
      ASSERT_LT(error, 1e-10);
      largest = std::max(largest, error);
    }
  }
  std::printf("skipping: logits within %.1e\n", largest);
}

// Invariant 9: above 1 nothing is skipped, to the bit; at 0 borrowing layers attend to a window with sinks.
TEST(Caches, SkippingNothingIsPodAndSkippingAllIsAWindow) {
  Random random(5);
  const test::TemporaryFolder folder;
  test::TinyModelOptions options;
  options.layers = 4, options.kv_heads = 2, options.heads = 4;
  test::write_tiny_model(folder.path(), options);
  const Model model = open_model(folder.path());
  const auto ids = test::random_ids(150, model.config.vocab, 8);
  CacheChoice choice{.kind = CacheKind::kPod, .map = SharingMap{4, 2, 4, 30, {{0, 2}, {0}}}};
  for (const Precision precision : {Precision::kF64, Precision::kF32, Precision::kFast}) {
    const auto run = [&](const std::optional<GateSettings>& gate, SkipCount& count) {
      choice.gate = gate;
      std::unique_ptr<KvCache> cache;
      const auto logits =
          test::run_model(
              model, ids,
              {.precision = precision, .cache = &choice, .chunk = 40, .n_prompt = 130, .cache_after = &cache})
              .logits;
      count = {};
      for (size_t layer = 0; gate && layer < 4; ++layer) {
        const SkipCount& each = cache->skip_gate()->counts()[layer];
        count.skipped += each.skipped, count.total += each.total;
        EXPECT_TRUE(layer != 0 || each.total == 0);
      }
      return logits;
    };
    SkipCount none, nothing, all;
    const auto pod = run(std::nullopt, none);
    EXPECT_EQ(run(GateSettings{1.01, GateKind::kExact}, nothing), pod);
    EXPECT_EQ(nothing.skipped, 0U);
    // Borrowing cells: layers 1 and 3 of KV head 0, layers 1 to 3 of KV head 1; two query heads each.
    const size_t n_distant = (150 - 34) * (150 - 34 + 1) / 2;
    EXPECT_EQ(nothing.total, 5 * 2 * n_distant);
    EXPECT_NE(run(GateSettings{0, GateKind::kDonor}, all), pod);
    EXPECT_EQ(all.skipped, all.total);
  }
  choice.gate = {0, GateKind::kExact};
  const auto method = reference::method_of(choice, model.config, 130);
  const auto expected = reference::run(model, ids, {.prompt_length = 130, .method = method.get()});
  const auto run = test::run_model(model, ids, {.cache = &choice, .chunk = 40, .n_prompt = 130});
  EXPECT_LT(test::deviation(run.logits, expected.logits).largest, 1e-10);
}

}  // namespace
}  // namespace proxima
