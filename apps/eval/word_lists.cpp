// SPDX-License-Identifier: MIT
#include "apps/eval/word_lists.h"

#include <array>

namespace proxima {
namespace {

constexpr std::array<const char*, 8> kPlaces = {"near",  "behind",  "beside", "above",
                                                "below", "towards", "across", "beyond"};
constexpr std::array<const char*, 8> kTimes = {"before noon",    "at dusk",        "after the rain", "on the third day",
                                               "in the evening", "without a word", "as usual",       "once more"};

template <class List>
const char* pick(RandomStream& random, const List& list) {
  return list[random.below(list.size())];
}

std::string described(RandomStream& random) {
  return random.below(3) == 0 ? random.pick(nouns()) : random_thing(random);
}

}  // namespace

const std::vector<std::string>& adjectives() {
  static const std::vector<std::string> words = {
      "old",    "young",  "quiet",    "narrow", "broad",    "grey",     "green",   "golden", "hollow",  "heavy",
      "gentle", "bitter", "early",    "late",   "northern", "southern", "wooden",  "broken", "patient", "stubborn",
      "pale",   "bright", "dusty",    "frozen", "muddy",    "crooked",  "distant", "empty",  "famous",  "humble",
      "idle",   "jolly",  "keen",     "lonely", "mellow",   "noble",    "odd",     "plain",  "quick",   "rough",
      "silent", "tall",   "useful",   "vivid",  "warm",     "yellow",   "ancient", "brave",  "clever",  "dark",
      "eager",  "faint",  "graceful", "honest", "iron",     "joyful",   "kind",    "lazy",   "mighty",  "neat",
      "open",   "proud",  "rapid",    "sharp",  "tender",   "urgent",   "velvet",  "weary",  "zealous", "amber",
      "brisk",  "calm",   "deep",     "elder",  "fresh",    "glad",     "huge",    "ivory"};
  return words;
}

const std::vector<std::string>& nouns() {
  static const std::vector<std::string> words = {
      "harbour", "orchard", "bridge",  "lantern",  "miller",   "baker",    "clerk",   "garden",   "letter", "window",
      "river",   "kettle",  "basket",  "ladder",   "market",   "tower",    "village", "meadow",   "stable", "chimney",
      "cellar",  "barrel",  "wagon",   "needle",   "pillow",   "mirror",   "candle",  "hammer",   "pencil", "blanket",
      "bucket",  "carpet",  "castle",  "copper",   "corner",   "cottage",  "cousin",  "doctor",   "engine", "farmer",
      "feather", "ferry",   "fiddle",  "forest",   "fountain", "gate",     "hedge",   "hill",     "horse",  "island",
      "jacket",  "journey", "kitchen", "lake",     "lamp",     "lawyer",   "library", "mountain", "museum", "night",
      "ocean",   "oven",    "painter", "parcel",   "path",     "pepper",   "pigeon",  "pilot",    "plough", "pocket",
      "potter",  "prince",  "pump",    "quarry",   "rabbit",   "railway",  "ribbon",  "road",     "robin",  "roof",
      "saddle",  "sailor",  "school",  "scissors", "shadow",   "shepherd", "shovel",  "signal",   "silver", "sparrow",
      "spring",  "square",  "station", "stone",    "stove",    "stranger", "stream",  "street",   "sugar",  "summer",
      "table",   "tailor",  "temple",  "thunder",  "ticket",   "timber",   "tinker",  "tunnel",   "uncle",  "valley",
      "violin",  "waiter",  "walnut",  "weaver",   "whistle",  "widow",    "winter",  "wolf",     "yard",   "anchor",
      "apple",   "arrow",   "autumn",  "badger",   "beacon",   "bell",     "blossom", "brick",    "brook",  "button"};
  return words;
}

const std::vector<std::string>& verbs() {
  static const std::vector<std::string> words = {
      "carried",    "found",    "watched",  "painted",  "followed", "counted", "mended",  "carved",    "lifted",
      "measured",   "opened",   "closed",   "gathered", "borrowed", "cleaned", "crossed", "described", "drew",
      "fetched",    "folded",   "guarded",  "hid",      "joined",   "kept",    "left",    "lost",      "moved",
      "noticed",    "offered",  "packed",   "polished", "praised",  "pulled",  "pushed",  "raised",    "reached",
      "remembered", "repaired", "returned", "sold",     "sketched", "stacked", "studied", "tied",      "touched",
      "traded",     "turned",   "visited",  "washed",   "weighed",  "wrapped", "admired", "answered",  "asked",
      "built",      "bought",   "called",   "chose",    "climbed",  "cooked",  "cut",     "dried",     "dug",
      "drove",      "filled"};
  return words;
}

std::string random_sentence(RandomStream& random) {
  std::string sentence = "The " + described(random) + " " + random.pick(verbs()) + " the " + described(random);
  if (random.below(2) == 0) sentence += std::string(" ") + pick(random, kPlaces) + " the " + random.pick(nouns());
  if (random.below(3) == 0) sentence += std::string(" ") + pick(random, kTimes);
  return sentence + ".";
}

std::string random_name(RandomStream& random, size_t n_syllables) {
  constexpr std::string_view kConsonants = "bdfklmnprstvz";
  constexpr std::string_view kVowels = "aeiou";
  std::string name;
  for (size_t i = 0; i < n_syllables; ++i) {
    name += kConsonants[random.below(kConsonants.size())];
    name += kVowels[random.below(kVowels.size())];
  }
  name.front() = static_cast<char>(name.front() - 'a' + 'A');
  return name;
}

std::string random_thing(RandomStream& random) {
  const std::string adjective = random.pick(adjectives());
  return adjective + " " + random.pick(nouns());
}

std::string random_digits(RandomStream& random, size_t n) {
  std::string digits;
  for (size_t i = 0; i < n; ++i) {
    digits +=
        static_cast<char>(i == 0 ? '1' + static_cast<int>(random.below(9)) : '0' + static_cast<int>(random.below(10)));
  }
  return digits;
}

}  // namespace proxima
