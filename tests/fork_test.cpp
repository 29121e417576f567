// Processes forked from one that uses ebb, alone and as ranks that train together.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "autograd/autograd.h"
#include "data/data.h"
#include "io/io.h"
#include "nn/nn.h"
#include "optim/flat.h"
#include "optim/optim.h"
#include "tests/expect_error.h"
#include "tests/files.h"
#include "tests/on_threads.h"

using namespace ebb;
using test::on_threads;
using test::Threads;

namespace {

bool equal(const Tensor& a, const Tensor& b) { return a.to_vector<float>() == b.to_vector<float>(); }

// One end of a line between two processes.
class Line {
 public:
  explicit Line(int end) : end_(end) {}
  Line(Line&& other) noexcept : end_(std::exchange(other.end_, -1)) {}
  ~Line() { close(); }
  void close() {
    if (end_ >= 0) ::close(end_);
    end_ = -1;
  }

  void send(const Tensor& x) const {
    const auto numbers = x.to_vector<float>();
    const auto* at = reinterpret_cast<const char*>(numbers.data());
    for (std::size_t left = numbers.size() * sizeof(float); left > 0;) {
      const auto sent = ::send(end_, at, left, MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("the other process is gone");
      at += sent;
      left -= static_cast<std::size_t>(sent);
    }
  }
  Tensor receive(std::int64_t count) const {
    std::vector<float> numbers(static_cast<std::size_t>(count));
    auto* at = reinterpret_cast<char*>(numbers.data());
    for (std::size_t left = numbers.size() * sizeof(float); left > 0;) {
      const auto received = ::read(end_, at, left);
      if (received <= 0) throw std::runtime_error("the other process is gone");
      at += received;
      left -= static_cast<std::size_t>(received);
    }
    return tensor(numbers);
  }

 private:
  int end_;
};

// A child process that runs work(line) and ends with what it returns, or with 1 if it throws.
class Rank {
 public:
  explicit Rank(const std::function<int(const Line&)>& work) : Rank(work, pair()) {}
  Line line;

  // How it has ended: its code, or minus the signal that killed it.
  int status() const {
    int status = 0;
    REQUIRE(waitpid(process_, &status, 0) == process_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  static std::pair<int, int> pair() {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    return {ends[0], ends[1]};
  }
  Rank(const std::function<int(const Line&)>& work, std::pair<int, int> ends) : line(ends.first) {
    std::fflush(nullptr);
    process_ = fork();
    REQUIRE(process_ >= 0);
    Line theirs(ends.second);
    if (process_ > 0) return;
    line.close();
    int code = 1;
    try {
      code = work(theirs);
    } catch (const std::exception& error) { std::fprintf(stderr, "in the child: %s\n", error.what()); }
    std::fflush(nullptr);
    _exit(code);
  }
  pid_t process_ = -1;
};

// A network, its optimizer, and a batch of which each rank has a part. Large enough for loops on several threads.
struct Training {
  static constexpr std::int64_t kShare = 512, kInputs = 64, kHidden = 256, kClasses = 10;
  nn::Linear fc1{kInputs, kHidden}, fc2{kHidden, kClasses};
  Tensor x = randn({2 * kShare, kInputs}), labels = randint(0, kClasses, {2 * kShare});
  optim::SGD optimizer{{fc1.weight, fc1.bias, fc2.weight, fc2.bias}, {.lr = 0.1, .momentum = 0.9}};

  Tensor loss(std::int64_t rank) const {
    return cross_entropy(fc2(relu(fc1(narrow(x, 0, rank * kShare, kShare)))),
                         narrow(labels, 0, rank * kShare, kShare));
  }
  Tensor gradient(std::int64_t rank) const {
    const auto parameters = optimizer.parameters();
    return optim::flat_gradients(parameters, grad(loss(rank), parameters));
  }
  Tensor weights() const { return optim::flat_values(optimizer.parameters()); }
  std::int64_t numel() const { return weights().numel(); }

  // A step down the mean of the ranks' gradients.
  void step(const Tensor& gradient) {
    std::int64_t first = 0;
    for (auto& p : optimizer.parameters()) {
      p.set_grad(reshape(narrow(gradient, 0, first, p.numel()), p.shape()));
      first += p.numel();
    }
    optimizer.step();
  }
};

constexpr int kSteps = 3;

// What each rank does: sends its gradient and steps down the mean that it gets.
int train(Training& training, std::int64_t rank, const Line& line) {
  for (int i = 0; i < kSteps; ++i) {
    line.send(training.gradient(rank));
    training.step(line.receive(training.numel()));
  }
  line.send(training.weights());
  return 0;
}

}  // namespace

TEST_CASE("bug class 25: processes that train together get the bits of one") {
  const Threads scope(4);
  manual_seed(1);
  Training training;
  const std::int64_t numel = training.numel();
  (void)training.gradient(0);  // the pool runs
  const Rank first([&](const Line& line) { return train(training, 0, line); });
  const Rank second([&](const Line& line) { return train(training, 1, line); });
  for (int i = 0; i < kSteps; ++i) {
    const Tensor mean = (first.line.receive(numel) + second.line.receive(numel)) / 2;
    first.line.send(mean);
    second.line.send(mean);
    training.step((training.gradient(0) + training.gradient(1)) / 2);
  }
  CHECK(equal(first.line.receive(numel), training.weights()));
  CHECK(equal(second.line.receive(numel), training.weights()));
  CHECK(first.status() == 0);
  CHECK(second.status() == 0);
}

TEST_CASE("bug class 25: a rank that leaves early, and one that is killed, leave the others whole") {
  const Threads scope(4);
  manual_seed(1);
  Training training;
  const std::int64_t numel = training.numel();
  const Tensor gradient = training.gradient(1);
  const Rank leaves([&](const Line& line) -> int {
    line.send(training.gradient(1));
#if defined(EBB_SANITIZED)
    std::_Exit(7);  // they find what the parent's threads would have freed at their end
#else
    std::exit(7);  // the pool ends too
#endif
  });
  const Rank killed([&](const Line&) {
    const Tensor loss = training.loss(1);
    loss.register_hook([](const Tensor&) -> Tensor { return std::raise(SIGKILL), Tensor(); });
    loss.backward();
    return 0;
  });
  const Rank stays([&](const Line& line) { return train(training, 0, line); });
  CHECK(equal(leaves.line.receive(numel), gradient));
  CHECK_THROWS_AS(leaves.line.receive(1), std::runtime_error);
  CHECK_THROWS_AS(killed.line.receive(1), std::runtime_error);
  CHECK(leaves.status() == 7);
  CHECK(killed.status() == -SIGKILL);
  for (int i = 0; i < kSteps; ++i) {
    const Tensor theirs = stays.line.receive(numel);
    CHECK(equal(theirs, training.gradient(0)));
    stays.line.send(theirs);
    training.step(theirs);
  }
  CHECK(equal(stays.line.receive(numel), training.weights()));
  CHECK(stays.status() == 0);
}

TEST_CASE("bug class 25: a rank that brings another model is an Error, and nothing is changed") {
  const TempFolder folder;
  const std::string file = folder / "other.safetensors";
  const Rank rank([&](const Line&) {
    io::save(file, state(nn::Linear{64, 5}));
    return 0;
  });
  REQUIRE(rank.status() == 0);
  manual_seed(1);
  nn::Linear mine{64, 10};
  const Tensor weight = mine.weight.detach().clone(), bias = mine.bias.detach().clone();
  const auto theirs = io::load(file);
  CHECK_THROWS_AS(load_state(mine, theirs), Error);
  CHECK_THROWS_AS(mine.weight.set_grad(theirs[0].tensor), Error);
  CHECK(equal(mine.weight, weight));
  CHECK(equal(mine.bias, bias));
  CHECK(!mine.weight.grad().defined());
}

TEST_CASE("a child frees what a thread made that it does not have") {
  Tensor theirs;
  std::latch made(1), seen(1);
  std::thread other([&] {
    theirs = randn({1000});
    made.count_down();
    seen.wait();
  });
  made.wait();
  const Rank child([&](const Line&) {
    on_threads(4, [](int) { (void)randn({1000}); });  // where the other's stack was
    const auto before = memory::stats().live_bytes;
    theirs = Tensor();
    return memory::stats().live_bytes < before ? 0 : 2;
  });
  CHECK(child.status() == 0);
  seen.count_down();
  other.join();
}

TEST_CASE("a loop with workers stays in its process, and a child begins another") {
  const Tensor x = reshape(arange(24), {12, 2}).to(float32);
  data::DataLoader loader(data::TensorDataset{x}, {.batch_size = 4, .workers = 2});
  auto at = loader.begin();
  ++at;
  const Rank child([&](const Line& line) {
    std::string said;
    try {
      ++at;
    } catch (const Error& error) { said = error.what(); }
    { const auto left = std::move(at); }
    for (const auto& batch : loader) line.send(std::get<0>(batch));
    const std::string expected =
        "DataLoader: the workers of this loop are in the process that this one was forked from; begin another "
        "loop";
    return said == expected ? 0 : 2;
  });
  CHECK(equal(child.line.receive(24), flatten(x)));
  CHECK(child.status() == 0);
  CHECK(equal(std::get<0>(*at), narrow(x, 0, 4, 4)));
  ++at;
  CHECK(equal(std::get<0>(*at), narrow(x, 0, 8, 4)));
}

#if !defined(EBB_SANITIZED)  // their own locks are not free in a child
TEST_CASE("a child is whole, whatever the other threads were at") {
  const Threads scope(4);
  const Tensor shared = ones({1000, 64}).set_requires_grad();
  std::atomic<bool> over{false};
  const auto work = [&] {
    sum(exp(shared * 0.001)).backward();
    std::vector<Tensor> given;
    for (int i = 0; i < 200; ++i) given.push_back(randn({64}));
    std::thread([given = std::move(given)]() mutable { given.clear(); }).join();
  };
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i)
    others.emplace_back([&] {
      while (!over) work();
    });
  for (int i = 0; i < 40; ++i) {
    const Rank child([&](const Line&) {
      on_threads(3, [&](int) { work(); });
      set_num_threads(3);
      work();
      return std::isfinite(shared.grad()[0][0].item()) && memory::stats().live_blocks > 0 ? 0 : 2;
    });
    REQUIRE(child.status() == 0);
  }
  over = true;
  for (auto& thread : others) thread.join();
}
#endif
