// A network, its optimizer and one batch, from the numbers that the peers start from too.
#pragma once

#include <cmath>
#include <functional>
#include <string>

#include "bench/fill.h"
#include "ebb.h"

namespace ebb::bench {

inline Tensor filled(const Shape& shape, std::uint64_t seed, double low = 0, double high = 1,
                     Dtype dtype = float32) {
  const auto x = zeros(shape, {.dtype = dtype});
  if (dtype == float64) fill(x.data<double>(), x.numel(), seed, low, high);
  else fill(x.data<float>(), x.numel(), seed, low, high);
  return x;
}

inline Tensor filled_labels(std::int64_t n, std::uint64_t seed, std::int64_t classes = 10) {
  const auto y = zeros({n}, {.dtype = int64});
  fill_labels(y.data<std::int64_t>(), n, seed, classes);
  return y;
}

// Matrices and kernels: uniform in ±1 / √(numbers per output); biases 0; the weights of norms 1.
template <class Net>
void fill_parameters(Net& net) {
  const NoGrad off;
  std::uint64_t seed = 0;
  for (const auto& [name, p] : named_parameters(net)) {
    if (p.dim() >= 2) {
      const double bound = 1 / std::sqrt(static_cast<double>(p.numel() / p.size(0)));
      p.copy_(filled(p.shape(), seed, -bound, bound));
    } else {
      p.fill_(name.find("bias") == std::string::npos ? 1 : 0);
    }
    ++seed;
  }
}

// Targets of a regression, or the labels of ten classes.
struct MeanSquare {
  static Tensor targets(std::int64_t n) { return filled({n, 1}, kTargetSeed); }
  Tensor operator()(const Tensor& y, const Tensor& target) const { return mse_loss(y, target); }
};
struct TenClasses {
  static Tensor targets(std::int64_t n) { return filled_labels(n, kTargetSeed); }
  Tensor operator()(const Tensor& y, const Tensor& target) const { return cross_entropy(y, target); }
};

// Steps are recorded once and replayed: ebb_bench --replay.
inline bool by_replay = false;

template <class Net, class Options, class Loss>
class Training {
 public:
  template <class... Arguments>
  Training(const Shape& input, const Options& options, Arguments... arguments)
      : net_{arguments...},
        optimizer_(ready_parameters(net_), options),
        x_(filled(input, kInputSeed)),
        target_(Loss::targets(input[0])) {}
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  Tensor step() {
    const auto loss = by_replay ? replayed_gradients_(x_, target_) : gradients(x_, target_);
    optimizer_.step();
    return loss;
  }

 private:
  Tensor gradients(const Tensor& x, const Tensor& target) {
    optimizer_.zero_grad();
    auto loss = Loss{}(net_(x), target);
    loss.backward();
    return loss;
  }
  static std::vector<Tensor> ready_parameters(Net& net) {
    fill_parameters(net);
    return parameters(net);
  }

  Net net_;
  optim::BasicOptimizer<Options> optimizer_;
  Tensor x_, target_;
  Replay<std::function<Tensor(const Tensor&, const Tensor&)>> replayed_gradients_{
      [this](const Tensor& x, const Tensor& target) { return gradients(x, target); }};
};

}  // namespace ebb::bench
