#include "io/checkpoint.h"

#include <array>
#include <charconv>
#include <utility>

#include "autograd/base/fail.h"

namespace ebb::io {
namespace {

constexpr const char *kFormatKey = "format", *kFormat = "ebb.checkpoint.1";
constexpr std::string_view kNote = "note.";

struct Section {
  std::string_view prefix;
  std::vector<NamedTensor> Checkpoint::*tensors;
};
constexpr std::array<Section, 4> kSections{{{"model.", &Checkpoint::model},
                                            {"optimizer.", &Checkpoint::optimizer},
                                            {"schedule.", &Checkpoint::schedule},
                                            {"user.", &Checkpoint::user}}};

// Calls f(key, number) for each number of the checkpoint. They are kept as decimal text: JSON's numbers do
// not reach 2^64.
template <class C, class F>
void for_each_number(C& checkpoint, F&& f) {
  f("random.seed", checkpoint.random.seed);
  f("random.position", checkpoint.random.position);
  f("loader.epoch", checkpoint.position.epoch);
  f("loader.batch", checkpoint.position.batch);
}

const std::string& text_at(const std::string& path, const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) fail("load_checkpoint: {}: has no {}; it is damaged", path, key);
  return found->second;
}

template <class T>
T parse(const std::string& path, const char* key, const std::string& text) {
  T number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end)
    fail("load_checkpoint: {}: {} is \"{}\", not a number in range; it is damaged", path, key, text);
  return number;
}

}  // namespace

void save(const std::string& path, const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors;
  for (const auto& [prefix, member] : kSections)
    for (const auto& [name, tensor] : checkpoint.*member) tensors.push_back({std::string(prefix) + name, tensor});
  Metadata metadata{{kFormatKey, kFormat}};
  for_each_number(checkpoint, [&](const char* key, auto number) { metadata[key] = fmt::to_string(number); });
  for (const auto& [key, text] : checkpoint.notes) metadata[std::string(kNote) + key] = text;
  save(path, tensors, metadata);
}

Checkpoint load_checkpoint(const std::string& path) {
  const Contents contents = load_contents(path);
  const Metadata& metadata = contents.metadata;
  const auto format = metadata.find(kFormatKey);
  if (format == metadata.end() || format->second != kFormat)
    fail("load_checkpoint: {}: is not a checkpoint of this version ({}); io::load reads its tensors", path,
         kFormat);
  Checkpoint checkpoint;
  for (const auto& [prefix, member] : kSections) checkpoint.*member = section(contents.tensors, prefix);
  for_each_number(checkpoint, [&]<class T>(const char* key, T& number) {
    number = parse<T>(path, key, text_at(path, metadata, key));
  });
  for (const auto& [key, text] : metadata)
    if (key.starts_with(kNote)) checkpoint.notes[key.substr(kNote.size())] = text;
  return checkpoint;
}

}  // namespace ebb::io
