#include "data/sequences.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/ops.h"

namespace ebb::data {
namespace {

void check(const char* name, std::int64_t n, std::int64_t length, std::int64_t least) {
  if (n < 0 || length < least)
    fail("{}: {} sequences of length {}; the length must be at least {}", name, n, length, least);
}

Generator& drawn_from(Generator* generator) { return generator ? *generator : default_generator(); }

}  // namespace

Sequences echo(std::int64_t n, std::int64_t length, std::int64_t lag, Generator* generator) {
  check("echo", n, length, 1);
  if (lag < 0 || lag >= length) fail("echo: lag {} of {} steps; it must be from 0 to {}", lag, length, length - 1);
  const Tensor x = bernoulli(0.5, {n, length, 1}, {.generator = generator});
  return {x, cat({zeros({n, lag, 1}), narrow(x, 1, 0, length - lag)}, 1)};
}

Sequences adding(std::int64_t n, std::int64_t length, Generator* generator) {
  check("adding", n, length, 2);
  Generator& random = drawn_from(generator);
  const Tensor x = rand({n, length}, {.generator = &random}), marks = zeros({n, length}), sums = zeros({n, 1});
  const auto* number = x.data<const float>();
  auto *mark = marks.data<float>(), *sum = sums.data<float>();
  for (std::int64_t i = 0; i < n; ++i)
    for (const std::int64_t at :
         {random_below(random, length / 2), length / 2 + random_below(random, length - length / 2)}) {
      mark[i * length + at] = 1;
      sum[i] += number[i * length + at];
    }
  return {stack({x, marks}, 2), sums};
}

Sequences adding_1997(std::int64_t n, std::int64_t length, Generator* generator) {
  check("adding_1997", n, length, 22);
  Generator& random = drawn_from(generator);
  const std::int64_t most = length + length / 10;
  const Tensor x = rand({n, most}, {.generator = &random}) * 2 - 1, marks = zeros({n, most});
  const Tensor targets = full({n, 1}, 0.5), lengths = empty({n}, int64);
  const auto* number = x.data<const float>();
  auto *mark = marks.data<float>(), *target = targets.data<float>();
  auto* steps = lengths.data<std::int64_t>();
  for (std::int64_t i = 0; i < n; ++i, number += most, mark += most) {
    steps[i] = length + random_below(random, length / 10 + 1);
    mark[0] = mark[steps[i] - 1] = -1;
    const std::int64_t first = random_below(random, 10);
    std::int64_t second = random_below(random, length / 2 - 2);  // any but the first
    if (second >= first) ++second;
    for (const std::int64_t at : {first, second}) {
      mark[at] = 1;
      if (at > 0) target[i] += number[at] / 4;
    }
  }
  return {stack({x, marks}, 2), targets, lengths};
}

}  // namespace ebb::data
