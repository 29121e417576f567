#include "data/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <tuple>

#include "autograd/base/memory.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "data/dataset.h"
#include "tests/files.h"

using namespace ebb;
using data::DataLoader;
using data::Position;
using Numbers = std::vector<std::int64_t>;

namespace {

constexpr std::array kWorkers{0, 1, 2, 4};

// Example i is the number i, and its square.
struct Squares {
  std::int64_t count;
  struct Example {
    Tensor number, square;
  };
  std::int64_t size() const { return count; }
  Example get(std::int64_t i) const { return {tensor(i), tensor(i * i)}; }
};

// Example i is i beside a random number from the generator it is given and one from the thread's own.
struct Noisy {
  std::int64_t size() const { return 20; }
  std::tuple<Tensor, Tensor, Tensor> get(std::int64_t i, Generator& generator) const {
    const auto given = random_below(generator, 1'000'000'000);
    return {tensor(i), tensor(given), tensor(random_below(default_generator(), 1'000'000'000))};
  }
};

// Throws for one example, until it is repaired.
struct Faulty {
  std::int64_t count, bad;
  mutable std::atomic<bool> repaired{false};
  std::int64_t size() const { return count; }
  Tensor get(std::int64_t i) const {
    if (i == bad && !repaired) throw std::runtime_error("example " + std::to_string(i) + " is bad");
    return tensor(i);
  }
};

Numbers numbers(const Tensor& x) { return x.to_vector<std::int64_t>(); }

// The batches of the next epoch.
template <class L>
std::vector<Numbers> epoch(L& loader) {
  std::vector<Numbers> batches;
  for (const auto& batch : loader) batches.push_back(numbers(data::detail::fields_of(batch)[0]));
  return batches;
}

Numbers joined(const std::vector<Numbers>& batches) {
  Numbers all;
  for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

Numbers counted(std::int64_t from, std::int64_t to) {
  Numbers n(static_cast<std::size_t>(to - from));
  std::iota(n.begin(), n.end(), from);
  return n;
}

Numbers sorted(Numbers n) {
  std::sort(n.begin(), n.end());
  return n;
}

}  // namespace

TEST_CASE("the order without shuffling, whole and partial batches") {
  for (const int workers : kWorkers) {
    CAPTURE(workers);
    const Squares set{10};
    DataLoader loader(set, {.batch_size = 4, .workers = workers});
    CHECK(loader.size() == 3);
    CHECK(epoch(loader) == std::vector<Numbers>{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}});
    DataLoader dropping(set, {.batch_size = 4, .workers = workers, .drop_last = true});
    CHECK(dropping.size() == 2);
    CHECK(epoch(dropping) == std::vector<Numbers>{{0, 1, 2, 3}, {4, 5, 6, 7}});
    DataLoader large(set, {.batch_size = 100, .workers = workers});
    CHECK(epoch(large) == std::vector<Numbers>{counted(0, 10)});
    DataLoader none(set, {.batch_size = 100, .workers = workers, .drop_last = true});
    CHECK(epoch(none).empty());
  }
}

TEST_CASE("fields of an example stay together") {
  const Squares set{50};
  for (const auto& [number, square] :
       DataLoader(set, {.batch_size = 8, .shuffle = true, .seed = 3, .workers = 2})) {
    CHECK(number.shape() == square.shape());
    for (std::int64_t i = 0; i < number.numel(); ++i) {
      const auto n = number.data<const std::int64_t>()[i];
      CHECK(square.data<const std::int64_t>()[i] == n * n);
    }
  }
}

TEST_CASE("shuffling: every epoch is another permutation, the same for any workers and batch size") {
  const Squares set{103};
  std::vector<Numbers> expected;
  DataLoader reference(set, {.batch_size = 103, .shuffle = true, .seed = 7});
  for (int e = 0; e < 4; ++e) expected.push_back(joined(epoch(reference)));
  for (std::size_t e = 0; e < expected.size(); ++e) {
    CHECK(sorted(expected[e]) == counted(0, 103));
    CHECK(expected[e] != counted(0, 103));
    for (std::size_t before = 0; before < e; ++before) CHECK(expected[e] != expected[before]);
  }
  for (const int workers : kWorkers)
    for (const std::int64_t batch_size : {1, 10, 64}) {
      DataLoader loader(set,
                        {.batch_size = batch_size, .shuffle = true, .seed = 7, .workers = workers, .prefetch = 3});
      for (const auto& order : expected) CHECK(joined(epoch(loader)) == order);
    }
  DataLoader other(set, {.batch_size = 103, .shuffle = true, .seed = 8});
  CHECK(joined(epoch(other)) != expected[0]);
}

TEST_CASE("shuffling is unbiased: each example comes first equally often") {
  const Squares set{5};
  DataLoader loader(set, {.batch_size = 5, .shuffle = true, .seed = 1});
  std::array<int, 5> first{}, last{};
  for (int e = 0; e < 5000; ++e) {
    const auto order = joined(epoch(loader));
    ++first[static_cast<std::size_t>(order.front())];
    ++last[static_cast<std::size_t>(order.back())];
  }
  for (std::size_t i = 0; i < 5; ++i) {  // mean 1000, standard deviation 28
    CHECK(std::abs(first[i] - 1000) < 140);
    CHECK(std::abs(last[i] - 1000) < 140);
  }
}

TEST_CASE("the order of a seed does not change between versions, so that old checkpoints resume") {
  const Squares set{10};
  DataLoader loader(set, {.batch_size = 10, .shuffle = true, .seed = 7});
  CHECK(joined(epoch(loader)) == Numbers{6, 8, 2, 4, 3, 1, 0, 5, 9, 7});
  CHECK(joined(epoch(loader)) == Numbers{0, 8, 4, 1, 5, 2, 6, 3, 9, 7});
}

TEST_CASE("bug class 20: random changes depend on seed, epoch and place alone") {
  using Drawn = std::vector<Numbers>;
  const auto draw = [](int workers, std::int64_t batch_size, std::uint64_t seed) {
    const Noisy set;
    DataLoader loader(set, {.batch_size = batch_size, .shuffle = true, .seed = seed, .workers = workers});
    Drawn drawn;
    for (int e = 0; e < 2; ++e)
      for (const auto& [number, given, own] : loader)
        for (std::int64_t i = 0; i < number.numel(); ++i)
          drawn.push_back({numbers(number)[static_cast<std::size_t>(i)],
                           numbers(given)[static_cast<std::size_t>(i)],
                           numbers(own)[static_cast<std::size_t>(i)]});
    return drawn;
  };
  manual_seed(5);
  const auto expected = draw(0, 1, 9);
  CHECK(default_generator().seed == 5);  // the caller's own numbers go on undisturbed
  CHECK(default_generator().position == 0);
  std::set<std::int64_t> given, own;
  for (const auto& row : expected) {
    given.insert(row[1]);
    own.insert(row[2]);
  }
  CHECK(given.size() == 40);  // 20 examples, 2 epochs
  CHECK(own.size() == 40);
  for (const int workers : kWorkers)
    for (const std::int64_t batch_size : {1, 3, 20}) CHECK(draw(workers, batch_size, 9) == expected);
  CHECK(draw(0, 1, 10) != expected);
}

TEST_CASE("a dataset of batches may draw too") {
  struct Batches {
    std::int64_t size() const { return 12; }
    Tensor batch(std::span<const std::int64_t> indices) const {
      Numbers n(indices.begin(), indices.end());
      for (auto& v : n) v += random_below(default_generator(), 1'000'000);
      return tensor(n);
    }
  } set;
  DataLoader reference(set, {.batch_size = 4});
  const auto expected = epoch(reference);
  CHECK(expected != epoch(reference));
  for (const int workers : kWorkers) {
    DataLoader loader(set, {.batch_size = 4, .workers = workers});
    CHECK(epoch(loader) == expected);
  }
}

TEST_CASE("examples of every kind") {
  struct One {
    Tensor x;
  };
  struct Four {
    Tensor a, b, c, d;
  };
  const auto check = [](auto make) {
    struct Set {
      decltype(make) f;
      std::int64_t size() const { return 3; }
      auto get(std::int64_t i) const { return f(tensor({static_cast<double>(i), 0.5})); }
    };
    for (const int workers : {0, 2})
      for (const auto& batch : DataLoader(Set{make}, {.batch_size = 3, .workers = workers}))
        for (const Tensor& field : data::detail::fields_of(batch)) {
          CHECK(field.shape() == Shape{3, 2});
          CHECK(field.to_vector<float>() == std::vector<float>{0, 0.5, 1, 0.5, 2, 0.5});
        }
  };
  check([](Tensor x) { return x; });
  check([](Tensor x) { return std::pair(x, x); });
  check([](Tensor x) { return std::tuple(x, x, x); });
  check([](Tensor x) { return std::array{x, x, x, x}; });
  check([](Tensor x) { return One{x}; });
  check([](Tensor x) { return Four{x, x, x, x}; });
  using data::detail::num_fields;
  static_assert(num_fields<int> == 0 && num_fields<std::vector<Tensor>> == 0 && num_fields<Four> == 4);
  static_assert(num_fields<Squares::Example> == 2 && num_fields<Squares> == 0);
}

TEST_CASE("loops and iterators") {
  const Squares set{6};
  using Loader = DataLoader<const Squares&>;
  static_assert(std::input_iterator<Loader::Iterator>);
  static_assert(std::sentinel_for<std::default_sentinel_t, Loader::Iterator>);
  static_assert(std::is_same_v<decltype(DataLoader(Squares{1})), DataLoader<Squares>>);
  std::int64_t sum = 0;
  for (auto [number, square] : DataLoader(Squares{6}, {.batch_size = 4, .workers = 1}))
    sum += ebb::sum(square).item<std::int64_t>();
  CHECK(sum == 0 + 1 + 4 + 9 + 16 + 25);

  Loader loader(set, {.batch_size = 2});
  {
    const auto running = loader.begin();
    CHECK(contains(error_of([&] { loader.begin(); }), "a loop over this loader is running already"));
    CHECK(contains(error_of([&] { loader.resume({}); }), "while a loop is running"));
  }
  CHECK(epoch(loader).size() == 3);
}

TEST_CASE("bug class 20: an exception reaches the caller at its batch, and the loader goes on") {
  for (const int workers : kWorkers)
    for (const std::int64_t bad : {0, 5, 11}) {
      CAPTURE(workers);
      CAPTURE(bad);
      const Faulty set{12, bad};
      DataLoader loader(set, {.batch_size = 2, .workers = workers});
      Numbers seen;
      std::string text;
      try {
        for (const auto& batch : loader)
          for (const auto n : numbers(batch)) seen.push_back(n);
      } catch (const std::runtime_error& error) { text = error.what(); }
      CHECK(text == "example " + std::to_string(bad) + " is bad");
      CHECK(seen == counted(0, bad / 2 * 2));
      CHECK(loader.position() == Position{0, bad / 2});

      loader.resume(loader.position());
      CHECK_THROWS_AS(epoch(loader), std::runtime_error);
      set.repaired = true;
      loader.resume(loader.position());
      CHECK(joined(epoch(loader)) == counted(bad / 2 * 2, 12));
      CHECK(loader.position() == Position{1, 0});
      CHECK(joined(epoch(loader)) == counted(0, 12));
    }
}

TEST_CASE("exceptions that are no std::exception") {
  struct Set {
    std::int64_t size() const { return 4; }
    Tensor get(std::int64_t) const { throw 42; }
  } set;
  for (const int workers : kWorkers) {
    DataLoader loader(set, {.workers = workers});
    CHECK_THROWS_AS(epoch(loader), int);
  }
}

TEST_CASE("leaving a loop early") {
  for (const int workers : kWorkers) {
    CAPTURE(workers);
    const Squares set{1000};
    DataLoader loader(set, {.batch_size = 1, .shuffle = true, .workers = workers, .prefetch = 4});
    const auto before = memory::stats().live_blocks;
    for (int round = 0; round < 20; ++round) {
      int batches = 0;
      for ([[maybe_unused]] const auto& batch : loader)
        if (++batches > round) break;
      CHECK(loader.position() == Position{round, round + 1});
    }
    for (int round = 0; round < 20; ++round) loader.begin();  // not even that far
    loader.resume({0, 0});
    CHECK(epoch(loader).size() == 1000);
    CHECK(memory::stats().live_blocks == before);
  }
}

TEST_CASE("workers run ahead, but not further than they may") {
  struct Counting {
    mutable std::atomic<int> made{0};
    std::int64_t size() const { return 40; }
    Tensor get(std::int64_t i) const {
      ++made;
      return tensor(i);
    }
  };
  for (const int workers : {1, 3}) {
    const Counting set;
    const int ahead = workers * 2;
    DataLoader loader(set, {.batch_size = 1, .workers = workers, .prefetch = 2});
    int taken = 0;
    for ([[maybe_unused]] const auto& batch : loader) {
      ++taken;
      const int expected = std::min(40, taken + ahead);
      const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (set.made < expected && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
      CHECK(set.made == expected);
    }
    CHECK(taken == 40);
  }
}

TEST_CASE("bug class 24: position and resume: a stopped run continues as if it had not stopped") {
  const Noisy set;
  const data::LoaderOptions options{.batch_size = 3, .shuffle = true, .seed = 4};
  std::vector<std::pair<Position, std::vector<Numbers>>> whole;  // what comes after each position
  DataLoader reference(set, options);
  Position at = reference.position();
  CHECK(at == Position{0, 0});
  for (int e = 0; e < 3; ++e) {
    for (const auto& [number, given, own] : reference) {
      whole.push_back({at, {numbers(number), numbers(given), numbers(own)}});
      at = reference.position();
      CHECK(at == Position{e, static_cast<std::int64_t>(whole.size()) - 7 * e});
    }
    at = reference.position();
    CHECK(at == Position{e + 1, 0});
  }
  CHECK(whole.size() == 21);

  for (const int workers : {0, 2})
    for (std::size_t stop = 0; stop < whole.size(); ++stop) {
      auto resumed = options;
      resumed.workers = workers;
      DataLoader loader(set, resumed);
      loader.resume(whole[stop].first);
      CHECK(loader.position() == whole[stop].first);
      std::size_t k = stop;
      while (loader.position().epoch < 3)
        for (const auto& [number, given, own] : loader) {
          REQUIRE(k < whole.size());
          CHECK(std::vector{numbers(number), numbers(given), numbers(own)} == whole[k++].second);
        }
      CHECK(k == whole.size());
    }
}

TEST_CASE("stopped in the last batch, the rest of the epoch is empty") {
  const Squares set{6};
  DataLoader loader(set, {.batch_size = 2});
  loader.resume({4, 3});
  CHECK(epoch(loader).empty());
  CHECK(loader.position() == Position{5, 0});
}

TEST_CASE("set_epoch") {
  const Squares set{30};
  DataLoader loader(set, {.batch_size = 7, .shuffle = true});
  const auto zero = epoch(loader), one = epoch(loader);
  loader.set_epoch(1);
  CHECK(epoch(loader) == one);
  loader.set_epoch(0);
  CHECK(epoch(loader) == zero);
}

TEST_CASE("an empty dataset") {
  for (const int workers : kWorkers) {
    const Squares set{0};
    DataLoader loader(set, {.batch_size = 4, .shuffle = true, .workers = workers});
    CHECK(loader.size() == 0);
    CHECK(epoch(loader).empty());
    CHECK(loader.position() == Position{1, 0});
  }
}

TEST_CASE("options that make no sense") {
  const Squares set{3};
  const auto text = [&](const data::LoaderOptions& options) {
    return error_of([&] { DataLoader loader(set, options); });
  };
  CHECK(text({.batch_size = 0}) == "DataLoader: batch_size is 0; it must be at least 1");
  CHECK(text({.batch_size = -4}) == "DataLoader: batch_size is -4; it must be at least 1");
  CHECK(text({.workers = -1}) == "DataLoader: workers is -1; it must be at least 0");
  CHECK(text({.prefetch = 0}) == "DataLoader: prefetch is 0; it must be at least 1");
  DataLoader loader(set, {.batch_size = 2});
  CHECK(contains(error_of([&] { loader.resume({-1, 0}); }), "there is no epoch -1, batch 0"));
  CHECK(contains(error_of([&] { loader.resume({0, -1}); }), "there is no epoch 0, batch -1"));
  loader.resume({0, 3});
  CHECK(contains(error_of([&] { loader.begin(); }),
                 "cannot resume at batch 3 of an epoch of 2; was batch_size changed?"));
}

TEST_CASE("examples that do not fit together") {
  struct Ragged {
    std::int64_t kind;
    std::int64_t size() const { return 3; }
    std::pair<Tensor, Tensor> get(std::int64_t i) const {
      const auto plain = zeros({2});
      if (i < 2) return {plain, plain};
      if (kind == 0) return {plain, zeros({3})};
      if (kind == 1) return {plain, zeros({2}, {.dtype = float64})};
      return {Tensor(), plain};
    }
  };
  const auto text = [](std::int64_t kind, int workers) {
    return error_of([&] {
      for ([[maybe_unused]] const auto& batch : DataLoader(Ragged{kind}, {.batch_size = 3, .workers = workers})) {}
    });
  };
  for (const int workers : {0, 2}) {
    CHECK(text(0, workers) ==
          "DataLoader: tensor 1 is float32 [2] in example 0, but float32 [3] in example 2; a batch needs equal "
          "ones");
    CHECK(contains(text(1, workers), "but float64 [2] in example 2"));
    CHECK(text(2, workers) == "DataLoader: tensor 0 of example 2 is undefined");
  }
}

TEST_CASE("tensors that require grad are refused by any number of workers") {
  struct Learnt {
    std::int64_t size() const { return 2; }
    Tensor batch(std::span<const std::int64_t>) const { return zeros({2}, {.requires_grad = true}); }
  } set;
  for (const int workers : kWorkers) {
    DataLoader loader(set, {.workers = workers});
    CHECK(contains(error_of([&] { epoch(loader); }), "detach() it first"));
  }
}

TEST_CASE("TensorDataset") {
  const auto images = reshape(arange(12), {4, 3}), weights = linspace(0, 3, 4);
  const auto labels = tensor({7, 8, 9, 10});
  const data::TensorDataset set{images, labels, weights};
  CHECK(set.size() == 4);
  for (const int workers : kWorkers) {
    DataLoader loader(set, {.batch_size = 3, .workers = workers});
    std::vector<Numbers> seen;
    for (const auto& [image, label, weight] : loader) {
      seen.push_back(numbers(image));
      seen.push_back(numbers(label));
      CHECK(weight.dtype() == float32);
    }
    CHECK(seen == std::vector<Numbers>{{0, 1, 2, 3, 4, 5, 6, 7, 8}, {7, 8, 9}, {9, 10, 11}, {10}});
  }
  CHECK(error_of([&] {
          data::TensorDataset bad{images, tensor({1, 2})};
        }) == "TensorDataset: tensors 0 and 1 have 4 and 2 examples; all must have the same number");
  CHECK(contains(error_of([&] { data::TensorDataset bad{tensor(1)}; }), "tensor 0 has no dimensions"));
  const data::TensorDataset empty_set{zeros({0, 3})};
  DataLoader none(empty_set, {.batch_size = 2});
  CHECK(none.size() == 0);
}

TEST_CASE("two loaders over one dataset, at the same time") {
  const data::TensorDataset set{arange(200)};
  DataLoader a(set, {.batch_size = 3, .shuffle = true, .seed = 1, .workers = 2});
  DataLoader b(set, {.batch_size = 7, .shuffle = true, .seed = 2, .workers = 2});
  auto i = a.begin();
  auto j = b.begin();
  Numbers from_a, from_b;
  while (i != a.end() || j != b.end()) {
    if (i != a.end()) {
      for (const auto n : numbers((*i)[0])) from_a.push_back(n);
      ++i;
    }
    if (j != b.end()) {
      for (const auto n : numbers((*j)[0])) from_b.push_back(n);
      ++j;
    }
  }
  CHECK(sorted(from_a) == counted(0, 200));
  CHECK(sorted(from_b) == counted(0, 200));
}
