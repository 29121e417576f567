// Text as a sequence of characters, for models that predict the next one.
//
//   const std::string text = data::us_constitution();
//   const data::Vocabulary vocabulary(text);
//   const auto [train, validation] = data::split(vocabulary.encode(text), 0.9);
//   data::DataLoader loader(data::Windows(train, 64), {.batch_size = 32, .shuffle = true});
//   for (const auto& [characters, next] : loader)
//     cross_entropy(flatten(net(characters), 0, 1), flatten(next)).backward();
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::data {

// A file's bytes, unpacked if it is a gzip file. Error if it cannot be read.
std::string read_text(const std::string& path);

// The Constitution of the United States with its amendments, 45,345 characters: us-constitution or us-constitution.gz in
// `folder`, where Debian's and Ubuntu's package miscfiles puts it. Error if neither is there. Public domain.
std::string us_constitution(const std::string& folder = "/usr/share/state");

// The characters of a text, numbered in the order of their code points. The text is UTF-8, or Error.
class Vocabulary {
 public:
  explicit Vocabulary(std::string_view text);

  std::int64_t size() const { return static_cast<std::int64_t>(characters_.size()); }
  // All of them, in order: a Vocabulary of this string is the same one.
  std::string characters() const;

  // The numbers of a text's characters, int64 [n]. Error if one was not in the first text.
  Tensor encode(std::string_view text) const;
  // int64 of any shape. Error if one is not a character's number.
  std::string decode(const Tensor& numbers) const;

 private:
  std::vector<std::string> characters_;  // in order
};

// The first `share` of a sequence, from 0 to 1, for training and the rest for validation: neighbours are alike, so that a
// random choice would not leave the two apart.
struct Split {
  Tensor train, validation;
};
Split split(const Tensor& sequence, double share);

// A dataset for DataLoader: windows of `length` elements of a sequence, int64 [n], and for each element the one after it.
// They start every `stride` elements; the last is the last that is whole. Error if there is none.
class Windows {
 public:
  Windows(const Tensor& sequence, std::int64_t length, std::int64_t stride = 1);

  std::int64_t size() const;

  struct Batch {
    Tensor characters, next;  // int64 [k, length]
  };
  Batch batch(std::span<const std::int64_t> indices) const;

 private:
  Tensor sequence_;
  std::int64_t length_, stride_;
};

}  // namespace ebb::data
