// Bugs that other engines had, one class each, and what is demanded here instead. Numbers in brackets are the threads
// where it happened: PyTorch's unless an engine is named. A class whose test stands elsewhere has its name there too:
// `grep -r "bug class"` finds all. 25 is of training on several machines, which this library does not do.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "autograd/autograd.h"
#include "nn/init.h"
#include "optim/optimizer.h"
#include "tests/certify.h"
#include "tests/expect_error.h"

using namespace ebb;
using namespace ebb::test;

namespace {

using Doubles = std::vector<double>;

constexpr double kInf = std::numeric_limits<double>::infinity(), kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor point(const Doubles& values) { return tensor(values, {.requires_grad = true}); }
Tensor constant(const Doubles& values) { return tensor(values); }
Doubles values(const Tensor& x) { return x.to_vector<double>(); }
Doubles gradient_of_sum(const Tensor& y, const Tensor& x) { return values(grad(sum(y), x)); }

// A float64 tensor of distinct elements around 0, the same for the same shape.
Tensor distinct(const Shape& shape) {
  Generator random{3};
  return reshape((randperm(shape.numel(), {.generator = &random}).to(float64) + 0.5) * 0.1 - 0.7, shape);
}

// A function of one tensor.
struct Named {
  std::string name;
  std::function<Tensor(const Tensor&)> f;
};
#define NAMED(expression)                                   \
  Named {                                                   \
#expression, [](const Tensor& x) { return expression; } \
  }

}  // namespace

// -- 4: writes (#49824, #197887, #178315, #170573)

TEST_CASE("bug class 4: every way of writing to a saved tensor is noticed") {
  using Write = std::pair<std::string, std::function<void(const Tensor&)>>;
  const Tensor two = full({2, 3}, 2, {.dtype = float64}), last = tensor({1});
  const Write writes[] = {
      {"fill_", [](const Tensor& w) { w.fill_(2); }},
      {"copy_", [&](const Tensor& w) { w.copy_(two); }},
      {"add_", [&](const Tensor& w) { w.add_(two); }},
      {"mul_", [](const Tensor& w) { w.mul_(3); }},
      {"data", [](const Tensor& w) { w.data<double>()[0] = 5; }},
      {"set_at", [](const Tensor& w) { w.set_at({0}, 1.5); }},
      {"set_at by a tensor", [&](const Tensor& w) { w.set_at({last}, 1.5); }},
      {"add_at", [&](const Tensor& w) { w.add_at({last}, two[0]); }},
      {"detach", [](const Tensor& w) { w.detach().fill_(2); }},
      {"a view of a view of a view", [](const Tensor& w) { select(transpose(w, 0, 1)[1], 0, 1).fill_(2); }},
      {"reshape",
       [](const Tensor& w) {
         reshape(w, {3, 2}).zero_();
       }},
      {"init", [](const Tensor& w) { nn::init::constant_(w, 4); }},
      {"an optimizer's step", [](const Tensor& w) {
         Tensor(w).set_grad(ones_like(w));
         optim::SGD({w}, {.lr = 0.1}).step();
         Tensor(w).zero_grad();
       }}};
  for (const auto& one : writes) {
    CAPTURE(one.first);
    const Tensor x = ones({2, 3}, {.dtype = float64, .requires_grad = true}),
                 w = ones({2, 3}, {.dtype = float64, .requires_grad = true});
    const Tensor y = sum(x * w);
    {
      const NoGrad off;
      one.second(w);
    }
    CHECK_THROWS_AS(y.backward(), Error);
    CHECK((!x.grad().defined() && !w.grad().defined()));
  }
}

TEST_CASE("bug class 4: a hook that writes into a gradient in flight is an error") {
  const Tensor x = point({1, 2}), a = x * 2.0, b = x * 3.0;
  a.register_hook([](const Tensor& g) {  // b's gradient is the same tensor
    g.mul_(10);
    return Tensor();
  });
  CHECK_ERROR((a + b).backward(ones_like(a)),
              "hook: wrote into the gradient that it was given (float64 [2]), which others may hold; return the "
              "new one instead");
  CHECK(!x.grad().defined());
}

// -- 5, 6: layouts and fast paths (candle#3735, #30303; candle#3526, #2168, #3568). ops_test's "certified" demands the
// same of every operation.

namespace {

// x [3, 3], of distinct elements.
const std::vector<Named> kFunctions{
    NAMED(exp(x)),
    NAMED(x* x),
    NAMED(x / (square(x) + 1)),
    NAMED(relu(x)),
    NAMED(gelu(x)),
    NAMED(silu(x)),
    NAMED(pow(x, 3)),
    NAMED(clamp(x, -0.4, 0.2)),
    NAMED(where(gt(x, 0), x, x * 2.0)),
    NAMED(maximum(x, transpose(x, 0, 1) + 0.01)),
    NAMED(sum(x, {0})),
    NAMED(mean(x, {-1}, true)),
    NAMED(prod(x, 1)),
    NAMED(amax(x, {1})),
    NAMED(var(x, {0})),
    NAMED(norm(x, 2, {1})),
    NAMED(logsumexp(x, {0})),
    NAMED(softmax(x, 1)),
    NAMED(log_softmax(x, 0)),
    NAMED(cumsum(x, 0)),
    NAMED(cumprod(x, 1)),
    NAMED(matmul(x, x)),
    NAMED(linear(x, x)),
    NAMED(layer_norm(x, {3})),
    NAMED(cat({x, x * 2.0}, 1)),
    NAMED(stack({x, x}, -1)),
    NAMED(pad(x, {1, 1}, PadMode::reflect)),
    NAMED(flip(x, {0})),
    NAMED(roll(x, {1}, {1})),
    NAMED(tril(x)),
    NAMED(sort(x, 0).values),
    NAMED(topk(x, 2).values),
    NAMED(median(x, 1).values),
    NAMED(index_select(x, 1, tensor({2, 2, 0}))),
    NAMED(gather(x, 1, tensor({{0, 0}, {2, 1}, {1, 1}}))),
    NAMED(x.at(tensor({0, 2}), tensor({1, 1}))),
    NAMED(masked_select(x, gt(x, 0))),
    NAMED(max_pool2d(reshape(x, {1, 1, 3, 3}), 2, {.stride = 1})),
    NAMED(avg_pool2d(reshape(x, {1, 1, 3, 3}), 2, {.stride = 1, .padding = 1})),
    NAMED(conv2d(reshape(x, {1, 1, 3, 3}), reshape(x, {1, 1, 3, 3}), {}, {.padding = 1})),
    NAMED(scaled_dot_product_attention(x, x, x)),
    NAMED(mse_loss(x, transpose(x, 0, 1) * 0.5)),
    NAMED(binary_cross_entropy_with_logits(x, sigmoid(x))),
    NAMED(cross_entropy(x, tensor({0, 2, 1}))),
    // These may give x itself, or its memory.
    NAMED(x.clone()),
    NAMED(x.to(float64)),
    NAMED(x.to(float32).to(float64)),
    NAMED(identity(x)),
    NAMED(reshape(x, {3, 3})),
    NAMED(reshape(x, {-1})),
    NAMED(expand(x, {3, 3})),
    NAMED(expand(unsqueeze(x, 0), {2, -1, -1})),
    NAMED(transpose(transpose(x, 0, 1), 0, 1)),
    NAMED(permute(x, {1, 0})),
    NAMED(squeeze(x)),
    NAMED(flatten(x)),
    NAMED(slice(x, 0)),
    NAMED(x.at(ellipsis)),
    NAMED(narrow(x, 1, 0, 3)),
    NAMED(diagonal(x)),
    NAMED(cat({x})),
    NAMED(repeat(x, {1, 1})),
    NAMED(roll(x, {0}, {0})),
    NAMED(flip(x, {})),
    NAMED(pad(x, {0, 0})),
    NAMED(sum_to(x, Shape{3, 3})),
    NAMED(sum(reshape(x, {3, 3, 1}), {2})),
    NAMED(cumsum(reshape(x, {9, 1}), 1)),
    NAMED(pow(x, 1)),
    NAMED(mul(x, 1)),
    NAMED(add(x, 0)),
    NAMED(dropout(x, 0)),
    NAMED(dropout(x, 0.5, false)),
    NAMED(vstack({x})),
    NAMED(movedim(x, 0, 0)),
    NAMED(diff(x, 0)),
    NAMED(rot90(x, 4)),
};

Case case_of(const Named& function) {
  return {function.name, [f = function.f](const Tensor& x) { return f(x); }, {distinct({3, 3})}, ""};
}

}  // namespace

TEST_CASE("bug class 5: inputs and gradients lie anywhere in memory, with any strides") {
  for (const auto& function : kFunctions) {
    CAPTURE(function.name);
    const Case c = case_of(function);
    check_placements(c);
    check_expanded_gradient(c);
  }
}

TEST_CASE("bug class 6: no fast path drops the gradient") {
  std::vector<Named> functions = kFunctions;
  functions.push_back(NAMED(x.contiguous()));  // a copy or x itself
  for (const auto& function : functions) {
    CAPTURE(function.name);
    const Tensor plain = distinct({3, 3});
    for (const Placement placement : {Placement::contiguous, Placement::transposed, Placement::strided}) {
      const Tensor x = placed(plain, placement).set_requires_grad(), y = function.f(x);
      REQUIRE(y.requires_grad());
      const Tensor g = grad(sum(square(y)), x);
      CHECK(sum(abs(g)).item() > 0.01);
    }
  }
}

// -- 8: norm (#2421), where (#18287, #68425)

TEST_CASE("bug class 8: the norm's derivative at 0 is 0, of second order too") {
  for (const double p : {1.0, 1.5, 2.0, 3.0, kInf}) {
    CAPTURE(p);
    const Tensor x = zeros({2, 2}, {.dtype = float64, .requires_grad = true});
    const Tensor g = grad(sum(norm(x, p, {1})), x, {.create_graph = true});
    CHECK(values(g) == Doubles(4, 0));
    if (p == 2) CHECK(values(grad(sum(g * 1.0), x, {.allow_unused = true})) == Doubles(4, 0));
  }
  const Tensor x = zeros({3}, {.dtype = float64, .requires_grad = true});
  CHECK(gradient_of_sum(ebb::std(x), x) == Doubles(3, 0));
}

TEST_CASE("bug class 8: nothing of where's branch that is not taken comes through") {
  const Tensor left = tensor({true, false}), a = point({1, kNaN}), b = point({kNaN, 2});
  const Tensor y = where(left, a, b);
  CHECK(values(y) == Doubles{1, 2});
  for (const double g : {3.0, kInf}) {
    const auto both = grad(y, {a, b}, {.grad_outputs = {full_like(y, g)}, .retain_graph = true});
    CHECK(values(both[0]) == Doubles{g, 0});
    CHECK(values(both[1]) == Doubles{0, g});
  }
  // A function that has no derivative there gets an argument at which it has one.
  const Tensor x = point({4, 0, -1}), inside = gt(x, 0);
  const Tensor root = where(inside, sqrt(where(inside, x, ones_like(x))), zeros_like(x));
  CHECK(gradient_of_sum(root, x) == Doubles{0.25, 0, 0});
  CHECK(gradient_of_sum(sqrt(x), x)[1] == kInf);
}

// -- 9: products and powers of 0 (#773, #106789; #8940, #27134; #98276)

TEST_CASE("bug class 9: products with zeros, first and second order") {
  for (const Doubles& at : {Doubles{2, 3, -5, 7}, {2, 0, -5, 7}, {0, 3, 0, 7}, {0, 0, 0, 7}, {0, 0, 0, 0}}) {
    const auto without = [&](std::size_t i, std::size_t j) {
      double product = 1;
      for (std::size_t k = 0; k < at.size(); ++k) product *= k == i || k == j ? 1 : at[k];
      return product;
    };
    const std::pair<std::string, std::function<Tensor(const Tensor&)>> products[] = {
        {"prod", [](const Tensor& x) { return prod(x); }},
        {"prod of rows",
         [](const Tensor& x) {
           return sum(prod(reshape(x, {1, 4}), 1));
         }},
        {"cumprod", [](const Tensor& x) { return select(cumprod(x, 0), 0, 3); }}};
    for (const auto& product : products) {
      CAPTURE(product.first);
      const Tensor x = point(at), g = grad(product.second(x), x, {.create_graph = true});
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(values(g)[i] == without(i, i));
        const auto second = values(grad(select(g, 0, static_cast<int>(i)), x, {.retain_graph = true}));
        for (std::size_t j = 0; j < 4; ++j) CHECK(second[j] == (i == j ? 0 : without(i, j)));
      }
    }
  }
}

TEST_CASE("bug class 9: powers of 0, and the angle of nothing") {
  const Tensor a = point({0, 0, 0, 2}), b = point({0, 2, 0.5, 0});
  const Tensor y = pow(a, b);
  CHECK(values(y) == Doubles{1, 0, 0, 1});
  const auto g = grad(sum(y), {a, b}, {.create_graph = true});
  CHECK(values(g[0]) == Doubles{0, 0, kInf, 0});
  CHECK(values(g[1]) == Doubles{0, 0, 0, std::log(2.0)});
  const Tensor x = point({0, 0, 0});
  CHECK(gradient_of_sum(select(pow(x, 0) + pow(x, 1) + pow(x, 2), 0, 0), x) == Doubles{1, 0, 0});
  const Tensor zero = point({0}), none = point({0});
  const auto angle = grad(atan2(zero, none), {zero, none});
  CHECK(values(angle[0]) == Doubles{0});
  CHECK(values(angle[1]) == Doubles{0});
}

// -- 10: ties (#43519, Theano#4568), overlapping windows (candle)

TEST_CASE("bug class 10: equals share a gradient of 1, or one of them has it") {
  const std::vector<Named> functions{NAMED(max(x)),
                                     NAMED(min(x)),
                                     NAMED(amax(x, {1})),
                                     NAMED(amin(x, {0, 1})),
                                     NAMED(max(x, 1).values),
                                     NAMED(min(x, 0).values),
                                     NAMED(median(x)),
                                     NAMED(median(x, 1).values),
                                     NAMED(quantile(x, 0.3)),
                                     NAMED(kthvalue(x, 2).values),
                                     NAMED(topk(x, 2).values),
                                     NAMED(sort(x, 0).values),
                                     NAMED(cummax(x, 1).values),
                                     NAMED(cummin(x, 0).values),
                                     NAMED(norm(x, kInf, {1})),
                                     NAMED(maximum(x, x)),
                                     NAMED(minimum(x, full_like(x, 1) * x)),
                                     NAMED(max_pool2d(reshape(x, {1, 1, 4, 4}), 3, {.stride = 1, .padding = 1})),
                                     NAMED(avg_pool2d(reshape(x, {1, 1, 4, 4}), 2, {.stride = 1}))};
  for (const auto& function : functions) {
    CAPTURE(function.name);
    const Tensor x = ones({4, 4}, {.dtype = float64, .requires_grad = true}), y = function.f(x);
    double total = 0;
    for (const double g : gradient_of_sum(y, x)) total += g;
    CHECK(total == doctest::Approx(static_cast<double>(y.numel())).epsilon(1e-14));
  }
}

TEST_CASE("bug class 10: means of overlapping windows, any stride and padding") {
  for (const std::int64_t kernel : {1, 2, 3})
    for (const std::int64_t stride : {1, 2, 3})
      for (std::int64_t padding = 0; padding <= kernel / 2; ++padding)
        for (const bool counted : {true, false}) {
          const std::int64_t n = 5;
          const Tensor x = distinct({1, 1, 1, n}).set_requires_grad();
          const Tensor y =
              avg_pool2d(x, {1, kernel},
                         {.stride = Size2(1, stride), .padding = Size2(0, padding), .count_include_pad = counted});
          Doubles expected(static_cast<std::size_t>(n)), means;
          for (std::int64_t from = -padding; from + kernel <= n + padding; from += stride) {
            double inside = 0, total = 0;
            for (auto i = std::max<std::int64_t>(from, 0); i < std::min(from + kernel, n); ++i, ++inside)
              total += values(x)[static_cast<std::size_t>(i)];
            const double divisor = counted ? static_cast<double>(kernel) : inside;
            means.push_back(total / divisor);
            for (auto i = std::max<std::int64_t>(from, 0); i < std::min(from + kernel, n); ++i)
              expected[static_cast<std::size_t>(i)] += 1 / divisor;
          }
          CHECK(same(reshape(y, {-1}), tensor(means), 1e-14));
          CHECK(same(reshape(grad(sum(y), x), {-1}), tensor(expected), 1e-14));
        }
}

// -- 11: infinities (mlx#576, #41508, burn#4697)

namespace {

const std::vector<Named> kOfRows{NAMED(softmax(x, 1)), NAMED(log_softmax(x, 1)), NAMED(logcumsumexp(x, 1))};

}  // namespace

TEST_CASE("bug class 11: infinities in one row stay there") {
  const Tensor x =
      tensor({{-kInf, -kInf}, {1.0, 2.0}, {kInf, 0.0}, {-kInf, 0.0}}, {.dtype = float64}).set_requires_grad();
  const double p = 1 / (1 + std::exp(1.0)), q = 1 - p;
  const Tensor y = logsumexp(x, {1});
  CHECK(values(y)[0] == -kInf);
  CHECK(values(y)[1] == doctest::Approx(2 + std::log1p(std::exp(-1))).epsilon(1e-15));
  CHECK(values(y)[2] == kInf);
  CHECK(values(y)[3] == 0);
  const auto g = gradient_of_sum(y, x);
  for (std::size_t i = 0; i < 2; ++i) CHECK(g[i] == 0);
  CHECK(g[2] == doctest::Approx(p).epsilon(1e-14));
  CHECK(g[3] == doctest::Approx(q).epsilon(1e-14));
  CHECK(g[6] == 0);
  CHECK(g[7] == 1);
  for (const auto& function : kOfRows) {
    CAPTURE(function.name);
    const Tensor weights = constant({0.3, -0.9}), alone = narrow(x.detach(), 0, 1, 1).set_requires_grad();
    const Tensor y_alone = function.f(alone), y_row = narrow(function.f(x), 0, 1, 1);
    CHECK(same(y_row, y_alone, 1e-15));
    const auto expected = gradient_of_sum(y_alone * weights, alone), found = gradient_of_sum(y_row * weights, x);
    for (std::size_t i = 0; i < 2; ++i) CHECK(found[2 + i] == doctest::Approx(expected[i]).epsilon(1e-14));
  }
}
