// SPDX-License-Identifier: MIT
#include "test/reference_method.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

namespace proxima::reference {
namespace {

size_t lowest_layer(const SharingMap* map, size_t layer, size_t kv_head) {
  size_t lowest = layer;
  if (map == nullptr) return lowest;
  for (const size_t start : map->block_starts[kv_head]) lowest = start <= layer ? start : lowest;
  return lowest;
}

std::vector<UsedKey> everything(size_t layer, size_t query) {
  std::vector<UsedKey> keys;
  for (size_t j = 0; j <= query; ++j) keys.push_back({j, layer, layer, query - j});
  return keys;
}

std::vector<UsedKey> pod(const SharingMap* map, const QueryPlace& place) {
  std::vector<UsedKey> keys = everything(place.layer, place.query);
  if (map == nullptr) return keys;
  for (UsedKey& key : keys) {
    const bool proximal = key.position < map->ns || key.position + map->nr > place.query;
    if (!proximal) key.key_layer = lowest_layer(map, place.layer, place.kv_head);
  }
  return keys;
}

class Window : public Method {
 public:
  explicit Window(const WindowSettings& settings) : s_(settings) {}
  std::vector<UsedKey> uses(const QueryPlace& place) override {
    std::vector<UsedKey> keys;
    for (UsedKey key : everything(place.layer, place.query)) {
      if (key.position < s_.n_first || key.position + s_.n_recent > place.query) keys.push_back(key);
    }
    for (size_t slot = 0; s_.slots && slot < keys.size(); ++slot) keys[slot].distance = keys.size() - 1 - slot;
    return keys;
  }

 private:
  WindowSettings s_;
};

class LmInfinite : public Method {
 public:
  explicit LmInfinite(const LmInfiniteSettings& settings) : s_(settings) {}
  std::vector<UsedKey> uses(const QueryPlace& place) override {
    std::vector<UsedKey> keys;
    for (UsedKey key : everything(place.layer, place.query)) {
      if (key.position >= s_.n_global && key.position + s_.n_local <= place.query) continue;
      key.distance = std::min(key.distance, s_.n_local);
      keys.push_back(key);
    }
    return keys;
  }

 private:
  LmInfiniteSettings s_;
};

class Cla : public Method {
 public:
  Cla(const ModelConfig& config, size_t factor) {
    for (size_t layer = 0; layer < config.n_layers; ++layer) {
      const bool changes = layer > 0 && config.layers[layer] != config.layers[layer - 1];
      const bool full = layer > 0 && layer - donor_.back() >= factor;
      donor_.push_back(layer == 0 || changes || full ? layer : donor_.back());
    }
  }
  std::vector<UsedKey> uses(const QueryPlace& place) override {
    std::vector<UsedKey> keys = everything(donor_[place.layer], place.query);
    return keys;
  }

 private:
  std::vector<size_t> donor_;
};

class Quest : public Method {
 public:
  Quest(const SharingMap* map, const ModelConfig& config, size_t budget, size_t n_prompt)
      : map_(map), config_(config), budget_(std::max<size_t>(1, budget / 16)), n_prompt_(n_prompt) {}

  std::vector<UsedKey> uses(const QueryPlace& place) override {
    std::vector<UsedKey> keys = pod(map_, place);
    const size_t window = config_.layers[place.layer].window;
    const size_t first = (place.query + 1 > window ? place.query + 1 - window : 0) / 16, last = place.query / 16;
    if (place.query < n_prompt_ || place.layer < 2 || last - first + 1 <= budget_) return keys;
    std::vector<size_t> pages(last - first);
    std::iota(pages.begin(), pages.end(), first);
    std::map<size_t, double> bound;
    for (const size_t page : pages) bound[page] = upper_bound(place, page);
    std::ranges::sort(pages, [&](size_t a, size_t b) { return bound[a] != bound[b] ? bound[a] > bound[b] : a > b; });
    pages.resize(budget_ - 1);
    std::set<size_t> chosen(pages.begin(), pages.end());
    chosen.insert(last);
    std::erase_if(keys, [&](const UsedKey& key) { return !chosen.contains(key.position / 16); });
    return keys;
  }

 private:
  double upper_bound(const QueryPlace& place, size_t page) const {
    const size_t donor = lowest_layer(map_, place.layer, place.kv_head);
    double sum = 0;
    for (const double* q : place.q) {
      for (size_t c = 0; c < config_.head_dim; ++c) {
        double best = -1e300;
        double least = 1e300, largest = -1e300;
        for (size_t j = page * 16; j < page * 16 + 16; ++j) {
          least = std::min(least, place.key(donor, place.kv_head, j)[c]);
          largest = std::max(largest, place.key(donor, place.kv_head, j)[c]);
        }
        best = std::max(q[c] * least, q[c] * largest);
        sum += best;
      }
    }
    return sum / static_cast<double>(place.q.size());
  }

  const SharingMap* map_;
  const ModelConfig& config_;
  size_t budget_;
  size_t n_prompt_;
};

class Selection : public Method {
 public:
  Selection(const CacheChoice& choice, const ModelConfig& config, size_t n_prompt)
      : method_(*selection_method(choice.kind)),
        s_(choice.selection),
        map_(choice.map ? &*choice.map : nullptr),
        config_(config),
        n_prompt_(n_prompt) {}

  std::vector<UsedKey> uses(const QueryPlace& place) override {
    if (place.query < n_prompt_) return pod(map_, place);
    const size_t donor = lowest_layer(map_, place.layer, place.kv_head);
    Cell& cell = cells_[{donor, place.kv_head}];
    if (donor == place.layer && cell.steps.empty()) start(cell, donor, place.kv_head);
    const std::vector<size_t>& kept = cell.steps.at(place.query - n_prompt_);
    std::vector<UsedKey> keys;
    for (size_t rank = 0; rank < kept.size(); ++rank) {
      const bool own =
          donor == place.layer || kept[rank] < map_->ns ||
          (rank + own_recent(budget(donor, place.kv_head)) >= kept.size() && kept[rank] + map_->nr >= n_prompt_);
      keys.push_back({kept[rank], own ? place.layer : donor, place.layer, place.query - kept[rank]});
    }
    return keys;
  }

  void attended(const QueryPlace& place, const std::vector<UsedKey>& keys,
                const std::vector<double>& weights) override {
    if (lowest_layer(map_, place.layer, place.kv_head) != place.layer) return;
    Cell& cell = cells_[{place.layer, place.kv_head}];
    const bool h2o = method_ == SelectionMethod::kH2o;
    if (h2o || (place.query < n_prompt_ && place.query + s_.snapkv.window >= n_prompt_)) {
      for (size_t k = 0; k < keys.size(); ++k) cell.sums[keys[k].position] += weights[k];
    }
    if (place.query < n_prompt_) return;
    std::vector<size_t> next = cell.steps.back();
    if (h2o && next.size() > s_.budget) {
      const auto end = next.end() - static_cast<ptrdiff_t>(s_.n_recent());
      next.erase(std::min_element(next.begin(), end, [&](size_t a, size_t b) { return cell.sums[a] < cell.sums[b]; }));
    }
    next.push_back(place.query + 1);
    cell.steps.push_back(next);
  }

  const std::vector<size_t>* kept(size_t layer, size_t kv_head) const override {
    const Cell& cell = cells_.at({lowest_layer(map_, layer, kv_head), kv_head});
    return cell.steps.empty() ? nullptr : &cell.steps[cell.steps.size() - 2];
  }

 private:
  struct Cell {
    std::map<size_t, double> sums;           // by position
    std::vector<std::vector<size_t>> steps;  // kept for each query after the prompt, its own position included
  };

  size_t own_recent(size_t budget) const {
    const double eighth = std::floor(static_cast<double>(budget) / 8) - static_cast<double>(map_->ns);
    const auto wanted = static_cast<size_t>(std::max(1.0, eighth));
    return method_ == SelectionMethod::kH2o ? std::min(wanted, s_.n_recent()) : std::max(wanted, s_.snapkv.window);
  }

  // PyramidKV by methods.md 2.5, in its own words.
  double layer_budget(size_t layer) const {
    const auto n = static_cast<double>(n_prompt_), cap = static_cast<double>(s_.budget),
               w = static_cast<double>(s_.snapkv.window), n_layers = static_cast<double>(config_.n_layers);
    if (method_ != SelectionMethod::kPyramidKv) return cap;
    const double a = cap - w;
    if (n < cap) return n;
    if (n < 2 * a || n_layers == 1) return cap;
    double lo = std::floor(a / static_cast<double>(s_.pyramidkv.beta)), hi = 2 * a - lo;
    if (hi >= n - w) hi = n - w, lo = 2 * a - hi;
    return hi - static_cast<double>(layer) * std::floor((hi - lo) / (n_layers - 1)) + w;
  }
  size_t budget(size_t donor, size_t kv_head) const {
    double sum = 0, count = 0;
    for (size_t layer = donor; layer < config_.n_layers && lowest_layer(map_, layer, kv_head) == donor; ++layer) {
      sum += layer_budget(layer);
      ++count;
    }
    return static_cast<size_t>(std::floor(sum / count));
  }

  void start(Cell& cell, size_t layer, size_t kv_head) const {
    const size_t window = config_.layers[layer].window;
    const size_t oldest = n_prompt_ > window ? n_prompt_ - window : 0;
    const size_t n_always =
        std::min(n_prompt_ - oldest, method_ == SelectionMethod::kH2o ? s_.n_recent() : s_.snapkv.window);
    const size_t always = n_prompt_ - n_always;
    const size_t b = budget(layer, kv_head);
    std::vector<std::pair<double, size_t>> scored;
    for (size_t j = oldest; j < always; ++j) scored.push_back({score(cell, j, always), j});
    std::ranges::sort(scored, std::greater<>());
    const size_t n_others = b - (method_ == SelectionMethod::kH2o ? s_.n_recent() : s_.snapkv.window);
    if (scored.size() > n_others) scored.resize(n_others);
    std::vector<size_t> kept;
    for (const auto& [unused, j] : scored) kept.push_back(j);
    for (size_t j = always; j < n_prompt_; ++j) kept.push_back(j);
    std::ranges::sort(kept);
    kept.push_back(n_prompt_);
    cell.steps.push_back(kept);
  }

  // Pooled over the prefix [0, end).
  double score(Cell& cell, size_t j, size_t end) const {
    if (method_ == SelectionMethod::kH2o) return cell.sums[j];
    const size_t reach = s_.snapkv.kernel / 2;
    double sum = 0, largest = 0;
    for (size_t k = j - std::min(j, reach); k < std::min(end, j + reach + 1); ++k) {
      sum += cell.sums[k];
      largest = std::max(largest, cell.sums[k]);
    }
    return s_.snapkv.pooling == Pooling::kMax ? largest : sum / static_cast<double>(s_.snapkv.kernel);
  }

  SelectionMethod method_;
  SelectionSettings s_;
  const SharingMap* map_;
  const ModelConfig& config_;
  size_t n_prompt_;
  std::map<std::pair<size_t, size_t>, Cell> cells_;
};

// Dense or PoD, the latter with a gate where there is one.
class Plain : public Method {
 public:
  Plain(const SharingMap* map, const std::optional<GateSettings>& gate) : map_(map), gate_(gate) {}
  std::vector<UsedKey> uses(const QueryPlace& place) override { return pod(map_, place); }

  std::vector<bool> leaves_out(const QueryPlace& place, size_t g, const std::vector<UsedKey>& keys,
                               const std::vector<double>& scores) override {
    if (!gate_) return {};
    std::vector<bool> distant;
    long double near = 0, far = 0;
    for (size_t k = 0; k < keys.size(); ++k) {
      distant.push_back(keys[k].position >= map_->ns && keys[k].position + map_->nr <= place.query);
      (distant[k] ? far : near) += std::exp(static_cast<long double>(scores[k]));
    }
    auto& donor = donors_[{place.kv_head, place.query, g}];
    if (lowest_layer(map_, place.layer, place.kv_head) == place.layer) {
      donor = {near, far};
      return {};
    }
    if (gate_->kind == GateKind::kDonor) far = donor.second;
    if (gate_->kind == GateKind::kDonorGate) std::tie(near, far) = donor;
    const bool any = std::ranges::find(distant, true) != distant.end();
    return any && static_cast<double>(near / (near + far)) >= gate_->tau ? distant : std::vector<bool>{};
  }

 private:
  const SharingMap* map_;
  std::optional<GateSettings> gate_;
  std::map<std::tuple<size_t, size_t, size_t>, std::pair<long double, long double>> donors_;
};

}  // namespace

std::unique_ptr<Method> method_of(const CacheChoice& choice, const ModelConfig& config, size_t n_prompt) {
  const SharingMap* map = choice.map ? &*choice.map : nullptr;
  switch (choice.kind) {
    case CacheKind::kDense:
    case CacheKind::kPod:
      return std::make_unique<Plain>(map, choice.gate);
    case CacheKind::kWindow:
      return std::make_unique<Window>(choice.window);
    case CacheKind::kLmInfinite:
      return std::make_unique<LmInfinite>(choice.lm_infinite);
    case CacheKind::kCla:
      return std::make_unique<Cla>(config, choice.cla_factor);
    case CacheKind::kQuest:
    case CacheKind::kPodQuest:
      return std::make_unique<Quest>(map, config, choice.quest_budget, n_prompt);
    default:
      return std::make_unique<Selection>(choice, config, n_prompt);
  }
}

}  // namespace proxima::reference
