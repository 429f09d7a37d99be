// SPDX-License-Identifier: MIT
#include "kvcache/cell_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "kvcache/cache_factory.h"
#include "test/cache_probe.h"
#include "test/expect_error.h"
#include "test/random.h"
#include "test/random_map.h"

namespace proxima {
namespace {

using test::Random;

// What a cache saved, with the data copied away from it.
struct Copy {
  explicit Copy(const KvCache& cache) : stores(cache.save()) {
    for (KeptRows& store : stores) {
      for (RowRun& run : store.runs) {
        bytes.emplace_back(run.data, run.data + run.count * store.row_bytes());
        run.data = bytes.back().data();
      }
    }
  }
  std::vector<KeptRows> stores;
  std::vector<std::vector<std::byte>> bytes;
};

std::vector<std::byte> content(const KeptRows& store) {
  std::vector<std::byte> all;
  for (const RowRun& run : store.runs) all.insert(all.end(), run.data, run.data + run.count * store.row_bytes());
  return all;
}

class Subject {
 public:
  Subject(Random& random, bool pod) : geometry(test::random_geometry(random)) {
    if (pod) choice = {CacheKind::kPod, test::random_map(geometry, random)};
  }
  std::unique_ptr<KvCache> make(size_t max_context, size_t max_chunk) const {
    return make_cache(choice, geometry, {max_context, max_chunk, DType::kF32, DType::kF32});
  }
  size_t key_layer(size_t layer, size_t head, size_t i, size_t j) const {
    if (!choice.map) return layer;
    return j >= choice.map->ns && j + choice.map->nr <= i ? choice.map->lowest(layer, head) : layer;
  }
  // Appends n tokens, checking after each layer what its queries see.
  void append(KvCache& cache, size_t n) const {
    const size_t end = cache.n_tokens() + n;
    test::append_labelled(cache, n, [&](size_t layer) {
      test::expect_each_position_once(cache, layer, end, n,
                                      [&](size_t head, size_t i, size_t j) { return key_layer(layer, head, i, j); });
    });
  }
  void read(KvCache& cache, size_t n, Random& random) const {
    cache.begin_prompt(1);
    for (size_t done = 0; done < n;) {
      const size_t count = std::min(n - done, random.between(1, cache.capacity().max_chunk));
      append(cache, count);
      done += count;
    }
    cache.end_prompt();
  }

  CacheGeometry geometry;
  CacheChoice choice;
};

// After any life, a cache that was restored shows for every later query what the definition says.
TEST(CellCacheTest, ARestoredCacheGoesOnAsIfNothingHadHappened) {
  Random random(1);
  size_t n_cut = 0;
  for (int round = 0; round < 120; ++round) {
    const Subject setup(random, round % 2 == 1);
    SCOPED_TRACE(round);
    const auto first = setup.make(300, random.between(1, 40));
    setup.read(*first, random.between(1, 120), random);
    for (size_t n = random.below(40); n > 0; --n) setup.append(*first, 1);
    const size_t n_tokens = first->n_tokens();
    const Copy copy(*first);
    first->clear();  // nothing of the copy is the old cache's

    const auto second = setup.make(n_tokens + 130, random.between(1, 40));
    setup.read(*second, random.between(1, 60), random);  // what it held before is forgotten
    second->restore(n_tokens, copy.stores, "F");
    ASSERT_EQ(second->n_tokens(), n_tokens);
    const auto again = second->save();
    ASSERT_EQ(again.size(), copy.stores.size());
    for (size_t k = 0; k < again.size(); ++k) {
      EXPECT_EQ(again[k].name, copy.stores[k].name);
      EXPECT_EQ(content(again[k]), content(copy.stores[k]));
      if (again[k].n_rows() < n_tokens) ++n_cut;
    }
    size_t n_saved = 0;
    for (const KeptRows& store : again) n_saved += store.n_rows() * store.row_bytes();
    EXPECT_EQ(n_saved, second->total_bytes().logical) << "what is saved is what the method keeps, and no more";
    EXPECT_EQ(second->total_bytes().slack, 0U);
    for (size_t n = random.below(20); n > 0; --n) setup.append(*second, 1);
    setup.read(*second, 50, random);
    for (size_t n = 0; n < 30; ++n) setup.append(*second, 1);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(n_cut, 200U) << "rings must have wrapped for the test to mean anything";
}

TEST(CellCacheTest, StoresAreNamedAndHoldTheirPositions) {
  const CacheGeometry geometry{2, 1, 4, {0, 0}};
  const SharingMap map{2, 1, 2, 3, {{0}}};
  const auto cache = make_cache({CacheKind::kPod, map}, geometry, {50, 8, DType::kF32, DType::kF32});
  cache->begin_prompt(1);
  test::append_labelled(*cache, 8, [](size_t) {});
  test::append_labelled(*cache, 8, [](size_t) {});
  cache->end_prompt();
  const auto stores = cache->save();
  ASSERT_EQ(stores.size(), 4U);
  EXPECT_EQ(stores[0].name, "layers.0.heads.0.keys");
  EXPECT_EQ(stores[1].name, "layers.0.heads.0.values");
  EXPECT_EQ(stores[2].name, "layers.1.heads.0.keys");
  const auto positions = [](const KeptRows& store) {
    std::vector<std::pair<size_t, size_t>> ranges;
    for (const RowRun& range : ranges_of(store.runs)) ranges.emplace_back(range.first, range.count);
    return ranges;
  };
  using Ranges = std::vector<std::pair<size_t, size_t>>;
  EXPECT_EQ(positions(stores[0]), (Ranges{{0, 16}}));
  EXPECT_EQ(positions(stores[1]), (Ranges{{0, 16}}));
  EXPECT_EQ(positions(stores[2]), (Ranges{{0, 2}, {13, 3}}));
  for (const KeptRows& store : stores) {
    for (const RowRun& run : store.runs) {
      for (size_t row = 0; row < run.count; ++row) {
        test::RowLabel label{};
        std::memcpy(&label, run.data + row * store.row_bytes(), sizeof label);
        EXPECT_EQ(label.position, static_cast<float>(run.first + row)) << store.name;
      }
    }
  }
}

TEST(CellCacheTest, RowsThatAreNotThoseOfTheCacheAreRefused) {
  const CacheGeometry geometry{2, 2, 4, {0, 0}};
  const CacheCapacity capacity{40, 8, DType::kF32, DType::kF32};
  const auto source = make_cache({}, geometry, capacity);
  source->begin_prompt(1);
  for (int k = 0; k < 3; ++k) test::append_labelled(*source, 8, [](size_t) {});
  source->end_prompt();
  const auto good = source->save();
  const auto expect = [&](ErrorKind kind, const std::string& part, size_t n_tokens, auto change) {
    auto stores = good;
    change(stores);
    const auto cache = make_cache({}, geometry, capacity);
    test::expect_error(kind, part, [&] { cache->restore(n_tokens, stores, "F"); });
  };
  using Stores = std::vector<KeptRows>;
  expect(ErrorKind::kInput, "F: holds 7 stores", 24, [](Stores& s) { s.pop_back(); });
  expect(ErrorKind::kInput, "F: holds no layers.1.heads.0.keys", 24, [](Stores& s) { s[4].name = "other"; });
  expect(ErrorKind::kInput, "layers.0.heads.1.values is F16 of 4", 24, [](Stores& s) { s[3].dtype = DType::kF16; });
  expect(ErrorKind::kInput, "is F32 of 5", 24, [](Stores& s) { s[0].n_columns = 5; });
  expect(ErrorKind::kInput, "positions 0..22, this cache needs 0..23", 24, [](Stores& s) { --s[0].runs[0].count; });
  expect(ErrorKind::kInput, "positions 1..24", 24, [](Stores& s) { ++s[7].runs[0].first; });
  expect(ErrorKind::kInput, "this cache needs 0..24", 25, [](Stores&) {});
  expect(ErrorKind::kContext, "41 tokens are more than the 40", 41, [](Stores&) {});
  // A map keeps other rows.
  const auto pod = make_cache({CacheKind::kPod, SharingMap{2, 2, 2, 3, {{0}, {0}}}}, geometry, capacity);
  test::expect_error(ErrorKind::kInput, "layers.1.heads.0.keys holds positions 0..23, this cache needs 0..1, 21..23",
                     [&] { pod->restore(24, good, "F"); });
}

TEST(CellCacheTest, RestoringGivesBackTheMemoryOfWhatWasThere) {
  const CacheCapacity capacity{5000, 5000, DType::kF32, DType::kF32};
  const auto used = make_cache({}, {1, 1, 16, {0}}, capacity), fresh = make_cache({}, {1, 1, 16, {0}}, capacity);
  const std::vector<std::byte> rows(5000 * 16 * sizeof(float));
  const auto read = [&](KvCache& cache, size_t n) {
    cache.begin_prompt(1);
    cache.append(0, n, rows.data(), rows.data());
    cache.end_prompt();
  };
  read(*fresh, 10);
  const Copy copy(*fresh);
  read(*used, 5000);
  used->restore(10, copy.stores, "F");
  EXPECT_EQ(used->total_bytes().allocated, fresh->total_bytes().allocated);
  EXPECT_EQ(used->total_bytes().logical, fresh->total_bytes().logical);
}

TEST(CellCacheTest, APromptMustHaveEndedBeforeItIsSaved) {
  const auto cache = make_cache({}, {1, 1, 4, {0}, {5}}, {40, 8, DType::kF32, DType::kF32});
  cache->begin_prompt(1);
  test::append_labelled(*cache, 8, [](size_t) {});
  EXPECT_THROW(cache->save(), std::logic_error);
  cache->end_prompt();
  EXPECT_EQ(cache->save().size(), 2U);
}

}  // namespace
}  // namespace proxima
