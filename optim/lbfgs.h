// L-BFGS, for functions that are computed whole, not in batches.
//
//   optim::LBFGS lbfgs({x}, {.line_search_fn = optim::LineSearch::strong_wolfe});
//   auto result = optim::minimize([&] { return f(x); }, lbfgs, {.tolerance = 1e-10});
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "autograd/tensor.h"
#include "optim/line_search.h"
#include "optim/minimize.h"

namespace ebb::optim {

enum class LineSearch : std::uint8_t { none, strong_wolfe };

struct LBFGSOptions {
  double lr = 1;                              // the step's length, or the line search's first guess
  std::int64_t max_iter = 20;                 // of one step()
  std::optional<std::int64_t> max_eval = {};  // of one step(); left out: 5/4 max_iter
  double tolerance_grad = 1e-7;               // of the gradient's largest element
  double tolerance_change = 1e-9;             // of the value, and of the parameters' largest element
  std::int64_t history_size = 100;
  LineSearch line_search_fn = LineSearch::none;
};

// Newton's method with an inverse Hessian made of the last changes s of the parameters and y of the gradient (Liu, Nocedal:
// On the Limited Memory BFGS Method for Large Scale Optimization; 1989): the direction is -H g, by two loops over the
// history, from H = s·y / y·y on. The first step has the length min(1, 1 / |g|₁) lr. A pair is remembered if s·y > 1e-10.
// As in PyTorch, by whose names the options go.
//
// Parameters as those of any optimizer, all of one dtype. Error if an option is negative, or there is no parameter.
class LBFGS {
 public:
  explicit LBFGS(std::vector<Tensor> parameters, const LBFGSOptions& options = {});

  // Up to max_iter iterations, fewer if a tolerance is met. `f` computes the value, of one element, from the parameters;
  // gradients are set to 0 and computed here. Returns the value before.
  double step(const Objective& f);

  const std::vector<Tensor>& parameters() const { return parameters_; }
  LBFGSOptions& options() { return options_; }

  // "n_iter"; after the first iteration "t", "prev_loss", "h_diag", "d" and "prev_flat_grad" [n], and, of m remembered
  // changes, "old_dirs" (y) and "old_stps" (s) [m, n]; "history" is m.
  std::vector<NamedTensor> state() const;
  void load_state(std::span<const NamedTensor> saved);

 private:
  struct Change {
    Tensor s, y;
    double curvature;  // s · y
  };
  struct Evaluation {
    double value;
    Tensor gradient;  // of all parameters, as one vector
  };

  Evaluation evaluate(const Objective& f);
  void remember(const Tensor& gradient);
  Tensor direction(const Tensor& gradient) const;

  std::vector<Tensor> parameters_;
  LBFGSOptions options_;
  std::deque<Change> changes_;
  Tensor d_, gradient_;  // of the last iteration
  double t_ = 0, value_ = 0, h_diag_ = 1;
  std::int64_t n_iter_ = 0;
};

// As minimize() of minimize.h; an iteration is one step().
[[nodiscard]] MinimizeResult minimize(const Objective& f, LBFGS& lbfgs, const StopOptions& options = {});

}  // namespace ebb::optim
