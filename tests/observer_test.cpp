// Anomaly, Profile and hooks: who looks on while something is computed.
#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "autograd/autograd.h"
#include "nn/nn.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

const double kInf = std::numeric_limits<double>::infinity();

Tensor parameter(std::initializer_list<double> values) {
  return tensor(values, {.dtype = float64, .requires_grad = true});
}

std::string message_of(auto&& f) {
  try {
    f();
  } catch (const Error& e) { return e.what(); }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("an anomaly is named with operation, element, inputs and line") {
  const Tensor x = parameter({0.5, 0.25, 0, 0});
  const Anomaly anomaly;
  here();
  const std::string line = std::to_string(__LINE__ - 1);
  CHECK(message_of([&] { log(x); }) ==
        "log: element [2] of the output, float64 [4], is -inf, and 1 more are not finite; input 0 is float64 [4] "
        "from 0 to "
        "0.5; after observer_test.cpp:" +
            line);
  CHECK_NOTHROW(log(x + 1));
}

TEST_CASE("an anomaly in a gradient is named with the operation whose gradient it is, and its line") {
  const Tensor x = parameter({1, 0});
  const Anomaly anomaly;
  const Tensor y = here(sqrt(x));
  const std::string line = std::to_string(__LINE__ - 1);
  const std::string said = message_of([&] { sum(y).backward(); });
  CAPTURE(said);
  CHECK(contains(said, "; in the gradient of sqrt"));
  CHECK(contains(said, "element [1] of the output, float64 [2], is inf"));
  CHECK(contains(said, "observer_test.cpp:" + line));
  CHECK_FALSE(x.grad().defined());
}

namespace {

// Its gradient is wrong without any operation's being so.
struct Spoiled {
  static constexpr std::string_view name = "spoiled";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const {
    for (std::int64_t i = 0; i < y.numel(); ++i) y.as<double>()[i] = x.as<double>()[i];
  }
  Tensor grad0(Grad g) const {
    return full(g.shape(), std::numeric_limits<double>::quiet_NaN(), {.dtype = g.dtype()});
  }
  static Samples<Spoiled> samples(Generator&) { return {}; }
};

}  // namespace

TEST_CASE("a gradient that no operation spoiled is looked at too") {
  const Tensor x = parameter({1, 2});
  const Anomaly anomaly;
  here();
  const std::string line = std::to_string(__LINE__ - 1);
  const Tensor y = apply(Spoiled{}, x);
  CHECK(message_of([&] { sum(y).backward(); }) ==
        "spoiled: element [0] of the gradient of input 0, float64 [2], is nan, and 1 more are not finite; the "
        "gradient of "
        "output 0 is float64 [2] from 1 to 1; it ran after observer_test.cpp:" +
            line);
}

TEST_CASE("what was not finite before is nobody's fault; a NaN from outside is the caller's") {
  const Tensor masked = tensor({0.0, -kInf}), missing = tensor({0.0, std::nan("")});
  {
    const Anomaly anomaly;
    CHECK_NOTHROW(masked + 1);
    CHECK(contains(message_of([&] { missing + 1; }),
                   "element [1] of input 0, float32 [2], is nan; it came in from outside"));
    CHECK(contains(message_of([&] { masked - masked; }), "sub: element [1] of the output, float32 [2], is nan"));
    CHECK_NOTHROW(masked_fill(zeros({2}), masked < 0, -kInf));  // it was given
  }
  CHECK_NOTHROW(missing + 1);
  const Anomaly only_nan({.infinity = false});
  CHECK_NOTHROW(log(zeros({1})));
  CHECK(contains(message_of([&] { log(full({1}, -1)); }), "is nan"));
}

TEST_CASE("a profile counts calls, gradients and memory") {
  const Tensor x = ones({1000}, {.requires_grad = true});
  const Profile profile;
  const Tensor y = exp(x), z = exp(y * 2), loss = sum(z);
  loss.backward();
  std::int64_t exps = 0;
  for (const auto& row : profile.rows()) {
    CHECK(row.forward_ms >= 0);
    CHECK(row.backward_ms >= 0);
    if (row.name == "exp") {
      ++exps;
      CHECK(row.calls == 2);
      CHECK(row.gradients == 2);
      CHECK(row.bytes >= 2 * 4000);
    }
    if (row.name == "sum") CHECK(row.calls == 1);
    if (row.name == "mul") CHECK(row.calls == 0);  // exp's gradient multiplies
  }
  CHECK(exps == 1);
  CHECK(contains(profile.table(), "most memory in use"));
}

TEST_CASE("a profile's trace is JSON in which gradients enclose what they are made of") {
  const Tensor x = ones({4}, {.requires_grad = true});
  const Profile profile;
  sum(exp(x)).backward();
  const auto trace = nlohmann::json::parse(profile.chrome_trace());
  double from = 0, to = 0;
  for (const auto& e : trace["traceEvents"])
    if (e["name"] == "exp gradient") {
      from = e["ts"].get<double>();
      to = from + e["dur"].get<double>();
    }
  int inside = 0;
  for (const auto& e : trace["traceEvents"])
    if (e["name"] == "mul")
      inside += e["ts"].get<double>() >= from && e["ts"].get<double>() + e["dur"].get<double>() <= to;
  CHECK(inside == 1);
}

TEST_CASE("observers come and go, one inside another, also by exceptions, and Replay is seen when recorded") {
  const Tensor x = ones({2}, {.requires_grad = true});
  const Profile outer;
  {
    const Anomaly anomaly;
    const Profile inner;
    CHECK_THROWS_AS(log(x - 1), Error);
    CHECK_THROWS_AS(matmul(x, ones({3, 3})), Error);
    CHECK(inner.rows().size() >= 2);
  }
  CHECK_NOTHROW(log(x - 1));
  Replay step([](const Tensor& in) { return sin(in) * 2; });
  const Tensor in = ones({2});
  CHECK(step(in).to_vector<float>() == step(in).to_vector<float>());
  std::int64_t sines = 0;
  for (const auto& row : outer.rows())
    if (row.name == "sin") sines += row.calls;
  CHECK(sines >= 1);
}

TEST_CASE("hooks of layers see and replace what goes in and comes out, and keep names") {
  struct Net {
    nn::Hooked<nn::Linear> fc1{{2, 2}};
    nn::Linear fc2{2, 1};
    Tensor operator()(const Tensor& x) const { return fc2(fc1(x)); }
  } net;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : named_parameters(net)) names.push_back(name);
  CHECK(names == std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"});

  const Tensor x = ones({1, 2});
  const auto plain = net(x).to_vector<float>();
  Tensor seen;
  net.fc1.forward_hook = [&](const Tensor& in, const Tensor& y) {
    CHECK(in.to_vector<float>() == std::vector<float>{1, 1});
    seen = y;
    return Tensor();
  };
  CHECK(net(x).to_vector<float>() == plain);
  CHECK(seen.shape() == Shape{1, 2});
  net.fc1.forward_pre_hook = [](const Tensor& in) { return in * 0; };
  net.fc1.forward_hook = [](const Tensor&, const Tensor& y) { return y - y; };
  CHECK(net(x).to_vector<float>() == net.fc2.bias.to_vector<float>());
}
