// Back-propagation through time against numeric gradients of the loop written out.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "autograd/create.h"
#include "autograd/ops.h"
#include "nn/module.h"
#include "nn/recurrent.h"

using namespace ebb;

namespace {

constexpr std::size_t kSteps = 15, kIn = 2, kHidden = 3;
using Values = std::vector<double>;

double loss_weight(std::size_t t, std::size_t j) { return std::cos(static_cast<double>(1 + t * kHidden + j)); }

// Σ loss_weight h over all steps, h_t = f(W x_t + U h_{t-1} + b + c): `w` holds W, U, b, c, as named_parameters does.
double unrolled(const std::vector<Values>& w, const Values& x, RnnNonlinearity nonlinearity) {
  Values h(kHidden, 0);
  double loss = 0;
  for (std::size_t t = 0; t < kSteps; ++t) {
    Values next(kHidden);
    for (std::size_t j = 0; j < kHidden; ++j) {
      double a = w[2][j] + w[3][j];
      for (std::size_t k = 0; k < kIn; ++k) a += w[0][j * kIn + k] * x[t * kIn + k];
      for (std::size_t k = 0; k < kHidden; ++k) a += w[1][j * kHidden + k] * h[k];
      next[j] = nonlinearity == RnnNonlinearity::tanh ? std::tanh(a) : std::max(a, 0.);
      loss += loss_weight(t, j) * next[j];
    }
    h = next;
  }
  return loss;
}

// By four points, wrong by the fourth power of the step.
double numeric_derivative(double& at, const auto& loss) {
  constexpr double step = 1e-3;
  const double middle = at;
  const auto shifted = [&](double by) {
    at = middle + by;
    return loss();
  };
  const double slope =
      (8 * (shifted(step) - shifted(-step)) - (shifted(2 * step) - shifted(-2 * step))) / (12 * step);
  at = middle;
  return slope;
}

}  // namespace

TEST_CASE("back-propagation through time is the gradient of the unrolled loop") {
  for (const auto nonlinearity : {RnnNonlinearity::tanh, RnnNonlinearity::relu}) {
    manual_seed(5);
    nn::RNN rnn{.in = kIn, .hidden = kHidden, .nonlinearity = nonlinearity, .batch_first = true};
    to(rnn, float64);
    const Tensor x = randn({1, kSteps, kIn}, {.dtype = float64, .requires_grad = true});
    const Tensor y = rnn(x).output;
    const Tensor c = cos(arange(1, 1 + kSteps * kHidden, 1, {.dtype = float64}));
    const Tensor loss = sum(flatten(y) * c);
    loss.backward();

    std::vector<Values> w;
    for (const auto& p : parameters(rnn)) w.push_back(p.to_vector<double>());
    Values inputs = x.to_vector<double>();
    const auto by_hand = [&] { return unrolled(w, inputs, nonlinearity); };
    CHECK(loss.item() == doctest::Approx(by_hand()).epsilon(1e-12));

    const auto check = [&](Values& values, const Tensor& gradient) {
      const auto analytic = gradient.to_vector<double>();
      double largest = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        CHECK(analytic[i] == doctest::Approx(numeric_derivative(values[i], by_hand)).epsilon(1e-7));
        largest = std::max(largest, std::abs(analytic[i]));
      }
      CHECK(largest > 0.1);
    };
    for (std::size_t i = 0; i < w.size(); ++i) check(w[i], parameters(rnn)[i].grad());
    check(inputs, x.grad());
  }
}
