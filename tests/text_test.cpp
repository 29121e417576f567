// Text as characters, and the made-up sequences.
#include "data/text.h"

#include "autograd/create.h"
#include "autograd/ops.h"
#include "data/loader.h"
#include "data/sequences.h"
#include "tests/expect_error.h"
#include "tests/files.h"
#include "tests/source_folder.h"

#include <numeric>

using namespace ebb;
using data::Vocabulary;
using Numbers = std::vector<std::int64_t>;

namespace {

bool equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.to_vector<double>() == b.to_vector<double>();
}

}  // namespace

TEST_CASE("a vocabulary's characters are in the order of their code points") {
  const Vocabulary vocabulary("häß a€b\U0001d11e");
  CHECK(vocabulary.characters() == " abhßä€\U0001d11e");
  CHECK(vocabulary.size() == 8);
  const Tensor numbers = vocabulary.encode("a€ä\U0001d11e");
  CHECK(numbers.to_vector<std::int64_t>() == Numbers{1, 6, 5, 7});
  CHECK(vocabulary.decode(numbers) == "a€ä\U0001d11e");
  CHECK(vocabulary.decode(reshape(numbers, {2, 2})) == "a€ä\U0001d11e");
  CHECK(Vocabulary(vocabulary.characters()).characters() == vocabulary.characters());
  CHECK(Vocabulary("").encode("").shape() == Shape{0});
}

TEST_CASE("what a vocabulary refuses") {
  const Vocabulary vocabulary("ab");
  CHECK_ERROR(vocabulary.encode("aé"), "Vocabulary: 'é', character 1 of the text, is not among the 2 known ones");
  CHECK_ERROR(vocabulary.decode(tensor({0, 2})), "Vocabulary: there is no character 2 among 2");
  CHECK_ERROR(vocabulary.decode(tensor(-1)), "Vocabulary: there is no character -1 among 2");
  CHECK_ERROR(vocabulary.decode(tensor({0.0})), "Vocabulary: cannot decode float32 [1]; give int64");
  CHECK_ERROR(Vocabulary("ab\xff"), "Vocabulary: the text is not UTF-8 at byte 2; convert it first");
  // A lone continuation, cut off, too long for its code point, a surrogate, past the last code point.
  for (const char* bad : {"\x80", "\xc3", "\xe2\x82", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
                          "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3z"})
    CHECK_THROWS_AS(Vocabulary{bad}, Error);
}

TEST_CASE("split") {
  const auto parts = data::split(arange(10), 0.85);
  CHECK(parts.train.to_vector<std::int64_t>() == Numbers{0, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(parts.validation.to_vector<std::int64_t>() == Numbers{9});
  CHECK(data::split(arange(10), 1).validation.numel() == 0);
  CHECK_ERROR(data::split(arange(10), 1.5), "split: the share is 1.5; it must be from 0 to 1");
}

TEST_CASE("windows and what comes next") {
  const data::Windows windows(arange(10), 3, 2);
  REQUIRE(windows.size() == 4);
  data::DataLoader loader(windows, {.batch_size = 4});
  for (const auto& [characters, next] : loader) {
    CHECK(characters.to_vector<std::int64_t>() == Numbers{0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8});
    CHECK(equal(next, characters + 1));
  }
  CHECK(data::Windows(arange(10), 3).size() == 7);
  CHECK(data::Windows(arange(4), 3).size() == 1);
  CHECK_ERROR(data::Windows(arange(3), 3), "Windows: 3 elements hold no window of 3 with the element after it");
  CHECK_ERROR(data::Windows(arange(3), 0), "Windows: length 0 and stride 1; they must be positive");
  CHECK_ERROR(data::Windows(ones({3}), 1), "Windows: the sequence is float32 [3]; give int64 [n]");
  CHECK_ERROR(windows.batch(Numbers{4}), "Windows: there is no window 4 among 4");
}

TEST_CASE("texts in files") {
  const TempFolder folder;
  const std::string text(200'000, 'x');
  write_file(folder / "us-constitution", text);
  CHECK(data::read_text(folder / "us-constitution") == text);
  CHECK(data::us_constitution(folder.path()) == text);
  CHECK_ERROR(data::us_constitution("/nowhere"),
              "us_constitution: neither us-constitution nor us-constitution.gz is in /nowhere; `apt-get install "
              "miscfiles` puts it in /usr/share/state, or give the folder that holds it");
  CHECK_THROWS_AS(data::read_text("/nowhere"), Error);
  const auto excerpt = data::read_text((test::source_folder() / "data/text/us-constitution-excerpt.txt").string());
  CHECK(excerpt.starts_with("The Constitution of the United States of America\n"));
  CHECK(Vocabulary(excerpt).size() == 65);
}

TEST_CASE("echo") {
  Generator random{3};
  const auto [x, y, lengths] = data::echo(50, 12, 4, &random);
  CHECK(x.shape() == Shape{50, 12, 1});
  CHECK(equal(narrow(y, 1, 4, 8), narrow(x, 1, 0, 8)));
  CHECK(amax(narrow(y, 1, 0, 4)).item() == 0);
  CHECK(sum(x).item() == doctest::Approx(300).epsilon(0.15));
  CHECK(sum(x * (1 - x)).item() == 0);
  CHECK_ERROR(data::echo(1, 4, 4), "echo: lag 4 of 4 steps; it must be from 0 to 3");
}

TEST_CASE("the adding problem: two marks, and the sum of what they mark") {
  Generator random{3};
  const auto [x, y, lengths] = data::adding(3000, 21, &random);
  const Tensor number = select(x, 2, 0), mark = select(x, 2, 1);
  CHECK(equal(sum(narrow(mark, 1, 0, 10), {1}), ones({3000})));
  CHECK(equal(sum(narrow(mark, 1, 10, 11), {1}), ones({3000})));
  CHECK(amax(abs(sum(number * mark, {1}, true) - y)).item() < 1e-6);
  CHECK(amin(sum(mark, {0})).item() > 200);  // every step has its turn
  CHECK(mse_loss(y, ones({3000, 1})).item() == doctest::Approx(1. / 6).epsilon(0.05));
  CHECK_ERROR(data::adding(2, 1), "adding: 2 sequences of length 1; the length must be at least 2");
}

TEST_CASE("the adding problem of 1997") {
  Generator random{3};
  constexpr std::int64_t n = 3000;
  const auto [x, y, lengths] = data::adding_1997(n, 30, &random);
  REQUIRE(x.shape() == Shape{n, 33, 2});
  const auto values = x.to_vector<double>(), targets = y.to_vector<double>();
  const auto steps = lengths.to_vector<std::int64_t>();
  std::vector<int> marked(33), ends(34);
  for (std::size_t i = 0; i < n; ++i) {
    const auto* sequence = &values[i * 66];
    double total = 0;
    int marks = 0, in_first_ten = 0;
    for (std::size_t t = 0; t < 33; ++t) {
      CHECK(std::abs(sequence[2 * t]) <= 1);
      if (sequence[2 * t + 1] != 1) continue;
      ++marks;
      ++marked[t];
      in_first_ten += t < 10;
      if (t > 0) total += sequence[2 * t];
    }
    CHECK(marks == 2);
    CHECK(in_first_ten >= 1);
    CHECK(targets[i] == doctest::Approx(0.5 + total / 4).epsilon(1e-6));
    CHECK(sequence[2 * static_cast<std::size_t>(steps[i] - 1) + 1] == -1);
    CHECK(sequence[1] != 0);
    ++ends[static_cast<std::size_t>(steps[i])];
  }
  for (std::size_t t = 0; t < 14; ++t) CHECK(marked[t] > 100);
  CHECK(std::accumulate(marked.begin() + 14, marked.end(), 0) == 0);
  for (std::size_t t = 30; t < 34; ++t) CHECK(ends[t] > 600);
  CHECK_THROWS_AS(data::adding_1997(1, 21), Error);
}
