// SPDX-License-Identifier: MIT
#include "apps/train/planted_source.h"

#include <algorithm>
#include <array>

#include "apps/eval/word_lists.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr size_t kDigits = 4;
constexpr size_t kSeveral = 2;
constexpr size_t kLeastProse = 4;
constexpr size_t kMostFacts = 1000;  // far fewer than names, so that free ones are soon found

// What stands between the document and the question.
std::string joint_of(const NeedleStyle& style) {
  constexpr std::string_view kContext = "{context}";
  return style.prompt.substr(kContext.size(), style.prompt.find("{question}") - kContext.size());
}

}  // namespace

PlantedOptions read_planted_options(JsonObject& object, uint64_t seed) {
  PlantedOptions options;
  options.seed = seed;
  const std::array<std::pair<const char*, double*>, 4> weights = {
      {{"plain", &options.plain}, {"note", &options.note}, {"digest", &options.digest}, {"prose", &options.prose}}};
  const bool given = std::ranges::any_of(weights, [&](const auto& weight) { return object.has(weight.first); });
  double sum = 0;
  for (const auto& [key, weight] : weights) {
    if (given) *weight = object.find_number(key).value_or(0);
    if (*weight < 0) object.fail_at(key, "is negative; weights say how often a form is drawn");
    sum += *weight;
  }
  if (sum <= 0) object.fail_at("note", "and the weights of the other forms are all 0");
  options.max_facts = object.find_size("max_facts").value_or(options.max_facts);
  options.fact_last = object.find_number("fact_last").value_or(0);
  if (!(options.fact_last >= 0 && options.fact_last <= 1)) {
    object.fail_at("fact_last", fmt::format("is {}; a share lies between 0 and 1", options.fact_last));
  }
  if (options.max_facts == 0 || options.max_facts > kMostFacts) {
    object.fail_at("max_facts", fmt::format("is {}; it must lie between 1 and {}", options.max_facts, kMostFacts));
  }
  return options;
}

ChatFrame ChatFrame::of(const ChatTemplate& chat, const Tokenizer& tokenizer) {
  const std::array<ChatMessage, 3> messages = {{{"user", "FIRST"}, {"assistant", "SECOND"}, {"user", "THIRD"}}};
  const std::string text = chat.render(messages);
  std::vector<std::string> parts;
  size_t begin = 0;
  for (const ChatMessage& message : messages) {
    const size_t found = text.find(message.content, begin);
    if (found == text.npos) fail(ErrorKind::kInput, "the chat template changes messages: it cannot be trained on");
    parts.push_back(text.substr(begin, found - begin));
    begin = found + message.content.size();
  }
  const auto encode = [&](const std::string& part) { return tokenizer.encode(part, {.add_special = false}); };
  ChatFrame frame = {encode(parts[0]), encode(parts[1]), encode(parts[2])};
  if (frame.answered.empty()) fail(ErrorKind::kInput, "the chat template does not end an answer");
  return frame;
}

class PlantedSource::Writer {
 public:
  void add(std::span<const TokenId> ids, TokenRole role) {
    sample_.ids.insert(sample_.ids.end(), ids.begin(), ids.end());
    sample_.roles.resize(sample_.ids.size(), role);
  }
  void add_answer(std::span<const TokenId> ids) {
    add(ids.first(1), TokenRole::kFirstAnswer);
    add(ids.subspan(1), TokenRole::kAnswer);
  }
  size_t size() const { return sample_.ids.size(); }
  Sample take() {
    sample_.roles.front() = TokenRole::kContext;
    return std::move(sample_);
  }

 private:
  Sample sample_;
};

PlantedSource::PlantedSource(const Tokenizer& tokenizer, std::shared_ptr<const Prose> prose,
                             std::optional<ChatFrame> frame, const PlantedOptions& options)
    : tokenizer_(tokenizer),
      prose_(std::move(prose)),
      frame_(std::move(frame)),
      options_(options),
      separator_(tokenizer.id_of("<|endoftext|>")),
      to_question_(encode(joint_of(note_style()))) {
  const Ids value = encode("4821");
  Ids behind_blank = encode(" ");
  behind_blank.insert(behind_blank.end(), value.begin(), value.end());
  if (value.size() != kDigits || encode(" 4821") != behind_blank) {
    fail(ErrorKind::kUsage,
         "planted facts need a tokenizer in which every digit is a token of its own, and the blank "
         "before it another (train-tokenizer makes such)");
  }
  if (!frame_ && options.note + options.digest > 0) {
    fail(ErrorKind::kUsage, "notes and digests are asked for in a chat, and the tokenizer's folder has no template");
  }
}

NeedleStyle PlantedSource::style_of(Form form) {
  switch (form) {
    case Form::kPlain:
      return plain_style();
    case Form::kNote:
      return note_style();
    default:
      return list_style();
  }
}

// Tokens of a fact, its question and its answer, about.
size_t PlantedSource::typical_cost(Form form) {
  switch (form) {
    case Form::kPlain:
      return 16;
    case Form::kNote:
      return 36;
    default:
      return 22;
  }
}

PlantedSource::Ids PlantedSource::encode(const std::string& text) const {
  return tokenizer_.encode(text, {.add_special = false, .parse_special = false});
}

PlantedSource::Form PlantedSource::draw_form(RandomStream& random) const {
  return static_cast<Form>(random.weighted({options_.plain, options_.note, options_.digest, options_.prose}));
}

PlantedSource::Fact PlantedSource::draw_fact(RandomStream& random, Form form, const std::vector<Fact>& others) const {
  const NeedleStyle style = style_of(form);
  std::string name;
  do name = random_name(style, random);
  while (std::ranges::find(others, name, &Fact::name) != others.end());
  Fact fact{std::move(name), random_digits(random, kDigits), {}, {}, {}, {}};
  const auto filled = [&](const std::string& text) { return with_fact(text, others.size(), fact.name, fact.value); };
  fact.in_prose = encode(filled(style.before + style.needle));
  if (form ==
      Form::kPlain) {  // a bare name goes with the blank before it, and its answer is what followed it in the prose
    fact.question = encode(filled(joint_of(style) + style.question));
    fact.answer = encode(fact.value + ".");
  } else {
    fact.as_line = encode(filled("\n" + style.needle));
    fact.question = encode(filled(style.question));
    fact.answer = encode(filled(style.answer));
  }
  return fact;
}

size_t PlantedSource::n_tokens_planted(const Fact& fact) {
  return std::max(fact.in_prose.size(), fact.as_line.size());
}

size_t PlantedSource::n_tokens_asked(const Fact& fact, Form form) const {
  switch (form) {
    case Form::kPlain:
      return fact.question.size() + fact.answer.size();
    case Form::kNote:
      return fact.question.size() + frame_->asked.size() + fact.answer.size() + frame_->answered.size();
    default:
      return fact.answer.size() + 1;  // with a blank
  }
}

size_t PlantedSource::n_tokens_of_frame(Form form) const {
  if (form == Form::kPlain) return 0;
  const size_t n_tokens = frame_->before.size() + to_question_.size();
  if (form == Form::kNote) return n_tokens;
  return n_tokens + encode(list_style().question).size() + frame_->asked.size() + frame_->answered.size() +
         encode(with_fact(list_style().end, 0, "", "")).size();
}

std::vector<PlantedSource::Fact> PlantedSource::draw_facts(RandomStream& random, Form form, size_t length) const {
  // Prose has half of a sample, or a quarter where facts are bare or listed; two facts may take more.
  const size_t share = form == Form::kNote ? length / 2 : length - length / 4;
  const size_t limit = form == Form::kDigest ? std::min(kMostLettered - 1, options_.max_facts) : options_.max_facts;
  const size_t most = std::min(limit, std::max(kSeveral, share / typical_cost(form)));
  const size_t least = form == Form::kPlain ? most : std::min(most, std::max(kSeveral, most / 3));
  const size_t n_facts = least + random.below(most - least + 1);
  std::vector<Fact> facts;
  size_t n_tokens = n_tokens_of_frame(form);
  while (facts.size() < n_facts) {
    Fact fact = draw_fact(random, form, facts);
    n_tokens += n_tokens_planted(fact) + n_tokens_asked(fact, form);
    if (n_tokens + kLeastProse > (facts.size() < kSeveral ? length : share + kLeastProse)) break;
    facts.push_back(std::move(fact));
  }
  if (facts.empty()) {
    fail(ErrorKind::kUsage, "a sample of {} tokens has no room for a fact and its question, about {} tokens", length,
         n_tokens + kLeastProse);
  }
  return facts;
}

// As many questions as facts, each for any of them: were each asked for once, the last ones could be had by leaving out
// what was answered, whatever their names.
std::vector<PlantedSource::Fact> PlantedSource::draw_asked(RandomStream& random, Form form,
                                                           const std::vector<Fact>& facts, size_t room) const {
  std::vector<Fact> asked;
  while (asked.size() < facts.size()) {
    const Fact& fact = facts[random.below(facts.size())];
    if (n_tokens_asked(fact, form) > room) break;
    room -= n_tokens_asked(fact, form);
    asked.push_back(fact);
  }
  return asked;
}

void PlantedSource::write_document(Writer& writer, RandomStream& random, const std::vector<Fact>& facts,
                                   size_t n_prose) const {
  // Every other document begins with a fact, then inside a paragraph.
  const bool fact_first = random.below(2) == 0;
  const size_t begin =
      fact_first ? prose_->inner_sentence(random, n_prose + 1) : prose_->paragraph(random, n_prose + 1);
  size_t end = begin + n_prose;
  while (end > begin && !prose_->begins_blank(end)) --end;
  // Drawn only where asked for, so that other samples stay as they were.
  const bool fact_last = options_.fact_last > 0 && random.uniform() < options_.fact_last;
  const auto place_near = [&](size_t index) {  // as `eval needle` does, but never before a paragraph
    size_t place = std::min(index, end);
    if (place == end) return end;
    while (place > begin && !prose_->can_insert(place)) --place;
    if (place > begin || fact_first) return place;
    do ++place;
    while (place < end && !prose_->can_insert(place));
    return place;
  };
  std::vector<size_t> places;
  for (size_t fact = 0; fact < facts.size(); ++fact) {
    const size_t index = begin + random.below(end - begin + (end - begin) / 16 + 1);  // some at the very end
    const size_t place = fact_last && fact + 1 == facts.size() ? end : place_near(index);
    places.push_back(fact_first && fact == 0 ? begin : place);
  }
  std::ranges::sort(places);
  size_t from = begin;
  for (size_t index = 0; index < facts.size(); ++index) {
    const Fact& fact = facts[index];
    const size_t place = places[index];
    writer.add(prose_->ids().subspan(from, place - from), TokenRole::kText);
    from = place;
    const bool as_line = !fact.as_line.empty() && prose_->begins_line(place) && random.below(2) == 0;
    writer.add(as_line ? fact.as_line : fact.in_prose, TokenRole::kContext);
  }
  writer.add(prose_->ids().subspan(from, end - from), TokenRole::kText);
}

void PlantedSource::write_questions(Writer& writer, Form form, const std::vector<Fact>& asked) const {
  const bool plain = form == Form::kPlain;
  if (!plain) writer.add(to_question_, TokenRole::kContext);
  for (size_t index = 0; index < asked.size(); ++index) {
    const Fact& fact = asked[index];
    const std::span<const TokenId> answer = fact.answer;
    writer.add(fact.question, TokenRole::kContext);
    if (plain) {
      writer.add_answer(answer.first(answer.size() - 1));
      writer.add(answer.last(1), TokenRole::kText);
      continue;
    }
    writer.add(frame_->asked, TokenRole::kContext);
    writer.add_answer(answer);
    const std::span<const TokenId> answered = frame_->answered;
    writer.add(answered.first(1), TokenRole::kText);
    if (index + 1 < asked.size()) writer.add(answered.subspan(1), TokenRole::kContext);
  }
}

void PlantedSource::write_digest(Writer& writer, const std::vector<Fact>& facts) const {
  writer.add(to_question_, TokenRole::kContext);
  writer.add(facts.front().question, TokenRole::kContext);
  writer.add(frame_->asked, TokenRole::kContext);
  for (const Fact& fact : facts) {
    const std::span<const TokenId> note = &fact == &facts.front() ? fact.answer : fact.in_prose;
    const size_t n_name = encode(" " + fact.name).size();
    const size_t n_label = note.size() - n_name - 1 - kDigits - 1;
    writer.add(note.first(n_label), TokenRole::kAnswer);
    writer.add(note.subspan(n_label, n_name), TokenRole::kFirstAnswer);  // each a lookup of its own
    writer.add(note.subspan(n_label + n_name, 1), TokenRole::kText);
    writer.add_answer(note.last(kDigits + 1).first(kDigits));
    writer.add(note.last(1), TokenRole::kAnswer);
  }
  // That there are no more is what looking for the next letter finds.
  const Ids end = encode(with_fact(list_style().end, facts.size(), "", ""));
  writer.add(std::span(end).first(end.size() - 2), TokenRole::kAnswer);
  writer.add(std::span(end).last(2).first(1), TokenRole::kFirstAnswer);
  writer.add(std::span(end).last(1), TokenRole::kAnswer);
  writer.add(std::span(frame_->answered).first(1), TokenRole::kAnswer);
}

// Another document's beginning takes what is left.
void PlantedSource::fill(Writer& writer, RandomStream& random, size_t length) const {
  if (writer.size() < length && separator_) writer.add(std::array{*separator_}, TokenRole::kContext);
  const size_t n_left = length - writer.size();
  if (n_left > 0) writer.add(prose_->ids().subspan(prose_->paragraph(random, n_left), n_left), TokenRole::kText);
}

void PlantedSource::write_facts(Writer& writer, RandomStream& random, Form form, size_t length) const {
  const std::vector<Fact> facts = draw_facts(random, form, length);
  size_t n_prose = length - n_tokens_of_frame(form);
  for (const Fact& fact : facts) n_prose -= n_tokens_planted(fact);
  const std::vector<Fact> asked =
      form == Form::kDigest ? facts : draw_asked(random, form, facts, n_prose - kLeastProse);
  for (const Fact& fact : asked) n_prose -= n_tokens_asked(fact, form);
  if (form != Form::kPlain) writer.add(frame_->before, TokenRole::kContext);
  write_document(writer, random, facts, n_prose);
  if (form == Form::kDigest) {
    write_digest(writer, facts);
  } else {
    write_questions(writer, form, asked);
  }
  fill(writer, random, length);
}

Sample PlantedSource::sample(uint64_t index, size_t length) const {
  if (length < 2) fail(ErrorKind::kUsage, "a sample needs at least 2 tokens, not {}", length);
  RandomStream random(options_.seed, fmt::format("planted {} {}", index, length));
  const Form form = draw_form(random);
  Writer writer;
  if (form == Form::kProse) {
    writer.add(prose_->ids().subspan(prose_->paragraph(random, length), length), TokenRole::kText);
  } else {
    write_facts(writer, random, form, length);
  }
  return writer.take();
}

}  // namespace proxima
