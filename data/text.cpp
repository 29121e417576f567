#include "data/text.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "io/byte_stream.h"

namespace ebb::data {
namespace {

// Bytes of the UTF-8 character (RFC 3629, §4) that begins here; 0 if none does.
std::size_t length_of_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80                     ? 1
                             : byte(0) < 0xc2 || byte(0) > 0xf4 ? 0
                             : byte(0) < 0xe0                   ? 2
                             : byte(0) < 0xf0                   ? 3
                                                                : 4;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Longer than need be; halves of pairs of UTF-16; beyond the last code point.
  if ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) > 0x9f) ||
      (byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

// f(character) for each, in order.
template <class F>
void for_each_character(std::string_view text, const F& f) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = length_of_character(text.substr(at));
    if (length == 0) fail("Vocabulary: the text is not UTF-8 at byte {}; convert it first", at);
    f(text.substr(at, length));
    at += length;
  }
}

}  // namespace

std::string read_text(const std::string& path) {
  io::ByteStream stream("read_text", path);
  std::string text, part(1 << 16, '\0');
  for (std::size_t n = part.size(); n == part.size(); text.append(part, 0, n))
    n = stream.read(part.data(), part.size());
  return text;
}

std::string us_constitution(const std::string& folder) {
  std::error_code ignored;
  for (const char* name : {"us-constitution", "us-constitution.gz"}) {
    const auto path = std::filesystem::path(folder) / name;
    if (std::filesystem::exists(path, ignored)) return read_text(path.string());
  }
  fail(
      "us_constitution: neither us-constitution nor us-constitution.gz is in {}; `apt-get install miscfiles` puts "
      "it in /usr/share/state, or give the folder that holds it",
      folder);
}

Vocabulary::Vocabulary(std::string_view text) {
  std::set<std::string, std::less<>> found;  // bytewise order is that of the code points
  for_each_character(text, [&](std::string_view character) {
    if (!found.contains(character)) found.emplace(character);
  });
  characters_.assign(found.begin(), found.end());
}

std::string Vocabulary::characters() const {
  std::string all;
  for (const auto& character : characters_) all += character;
  return all;
}

Tensor Vocabulary::encode(std::string_view text) const {
  std::vector<std::int64_t> numbers;
  numbers.reserve(text.size());
  for_each_character(text, [&](std::string_view character) {
    const auto found = std::lower_bound(characters_.begin(), characters_.end(), character);
    if (found == characters_.end() || *found != character)
      fail("Vocabulary: '{}', character {} of the text, is not among the {} known ones", character, numbers.size(),
           size());
    numbers.push_back(found - characters_.begin());
  });
  return tensor(numbers);
}

std::string Vocabulary::decode(const Tensor& numbers) const {
  if (numbers.dtype() != int64) fail("Vocabulary: cannot decode {}; give int64", describe(numbers));
  std::string text;
  for (const auto number : numbers.to_vector<std::int64_t>()) {
    if (number < 0 || number >= size()) fail("Vocabulary: there is no character {} among {}", number, size());
    text += characters_[static_cast<std::size_t>(number)];
  }
  return text;
}

Split split(const Tensor& sequence, double share) {
  if (!(share >= 0 && share <= 1)) fail("split: the share is {}; it must be from 0 to 1", share);
  const std::int64_t n = sequence.size(0);
  const auto first = static_cast<std::int64_t>(std::llround(share * static_cast<double>(n)));
  return {narrow(sequence, 0, 0, first), narrow(sequence, 0, first, n - first)};
}

Windows::Windows(const Tensor& sequence, std::int64_t length, std::int64_t stride)
    : sequence_(sequence.contiguous()), length_(length), stride_(stride) {
  if (sequence.dtype() != int64 || sequence.dim() != 1)
    fail("Windows: the sequence is {}; give int64 [n]", describe(sequence));
  if (length < 1 || stride < 1) fail("Windows: length {} and stride {}; they must be positive", length, stride);
  if (sequence.numel() <= length)
    fail("Windows: {} elements hold no window of {} with the element after it", sequence.numel(), length);
}

std::int64_t Windows::size() const { return (sequence_.numel() - length_ - 1) / stride_ + 1; }

Windows::Batch Windows::batch(std::span<const std::int64_t> indices) const {
  const auto k = static_cast<std::int64_t>(indices.size());
  Batch result{empty({k, length_}, int64), empty({k, length_}, int64)};
  const auto* from = sequence_.data<const std::int64_t>();
  auto* characters = result.characters.data<std::int64_t>();
  auto* next = result.next.data<std::int64_t>();
  for (const auto i : indices) {
    if (i < 0 || i >= size()) fail("Windows: there is no window {} among {}", i, size());
    characters = std::copy_n(from + i * stride_, length_, characters);
    next = std::copy_n(from + i * stride_ + 1, length_, next);
  }
  return result;
}

}  // namespace ebb::data
