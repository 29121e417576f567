#include "svm/svc.h"

#include <algorithm>
#include <cmath>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "svm/smo.h"

namespace ebb::svm {
namespace detail {

std::vector<std::int64_t> classes_of(const char* owner, const Tensor& x, const Tensor& y) {
  if (x.dim() != 2 || !is_floating(x.dtype()) || y.dim() != 1 || is_floating(y.dtype()) || x.size(0) != y.size(0))
    fail("{}: fit to {} and {}; give x floating [n, d] and y integers [n]", owner, describe(x), describe(y));
  auto classes = y.to_vector<std::int64_t>();
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  if (classes.size() < 2) fail("{}: fit to {} class(es); give at least two", owner, classes.size());
  return classes;
}

}  // namespace detail

namespace {

constexpr std::int64_t kBlock = 512;  // rows of a kernel's matrix that are made at a time

Tensor pick(const Tensor& x, const std::vector<std::int64_t>& rows) { return index_select(x, 0, tensor(rows)); }

Tensor in_blocks(std::int64_t n, const auto& make) {
  std::vector<Tensor> blocks;
  for (std::int64_t first = 0; first < n; first += kBlock)
    blocks.push_back(make(first, std::min(n, first + kBlock)));
  return blocks.size() == 1 ? blocks[0] : cat(blocks);
}

DualSolution solve_pair(const Tensor& x, const std::vector<double>& y, const KernelOptions& kernel, double C,
                        const DualOptions& options) {
  const auto n = static_cast<std::int64_t>(y.size());
  std::vector<double> diagonal;
  for (std::int64_t i = 0; i < n; ++i) {
    const Tensor row = narrow(x, 0, i, 1);
    diagonal.push_back(kernel.kernel == Kernel::rbf ? 1 : kernel_matrix(row, row, kernel).item());
  }
  const auto rows = [&](std::span<const std::int64_t> places) {
    return in_blocks(static_cast<std::int64_t>(places.size()), [&](std::int64_t first, std::int64_t last) {
      const auto part = places.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
      return kernel_matrix(index_select(x, 0, tensor(part)), x, kernel);
    });
  };
  return solve_dual({.y = y, .diagonal = diagonal, .C = C, .rows = rows}, options);
}

}  // namespace

SVC::SVC(const SVCOptions& options) : options_(options) {
  if (!(options.C > 0) || !(options.tol > 0) || !(options.gamma.value_or(1) > 0) || options.degree < 1)
    fail("SVC: C is {}, tol {}, gamma {} and degree {}; all must be positive", options.C, options.tol,
         options.gamma.value_or(1), options.degree);
}

void SVC::fit(const Tensor& x, const Tensor& y) {
  const NoGrad off;
  const auto classes = detail::classes_of("SVC", x, y);
  const auto labels = y.to_vector<std::int64_t>();
  const double variance = var(x, {}, 0).item();
  gamma_ = options_.gamma.value_or(variance > 0 ? 1 / (static_cast<double>(x.size(1)) * variance) : 1);
  shift_ = options_.kernel == Kernel::rbf ? mean(x, {0}) : zeros({x.size(1)}, {.dtype = x.dtype()});
  const Tensor centred = x - shift_;

  const auto n = labels.size();
  std::vector<std::vector<std::int64_t>> members(classes.size());
  for (std::size_t i = 0; i < n; ++i) {
    const auto place = std::lower_bound(classes.begin(), classes.end(), labels[i]) - classes.begin();
    members[static_cast<std::size_t>(place)].push_back(static_cast<std::int64_t>(i));
  }
  const double first_sign = classes.size() == 2 ? -1 : 1;
  std::vector<std::vector<double>> betas;  // of each pair, for all of x
  std::vector<double> intercepts;
  std::vector<char> used(n, 0);
  gap_ = residual_ = 0;
  iterations_ = 0;
  for (std::size_t a = 0; a < classes.size(); ++a)
    for (std::size_t b = a + 1; b < classes.size(); ++b) {
      auto places = members[a];
      places.insert(places.end(), members[b].begin(), members[b].end());
      std::vector<double> sign(places.size(), -first_sign);
      std::fill_n(sign.begin(), members[a].size(), first_sign);
      const auto solution =
          solve_pair(pick(centred, places), sign, kernel(), options_.C,
                     {.tol = options_.tol, .cache_size = options_.cache_size, .max_iter = options_.max_iter});
      auto& beta = betas.emplace_back(n, 0.);
      for (std::size_t i = 0; i < places.size(); ++i) {
        const auto place = static_cast<std::size_t>(places[i]);
        beta[place] = solution.beta[i];
        used[place] |= static_cast<char>(solution.beta[i] != 0);
      }
      intercepts.push_back(solution.intercept);
      gap_ = std::max(gap_, (solution.primal - solution.dual) / solution.primal);
      residual_ = std::max(residual_, solution.kkt_residual);
      iterations_ += solution.iterations;
    }

  std::vector<std::int64_t> support;
  for (const auto& places : members)
    for (const auto place : places)
      if (used[static_cast<std::size_t>(place)]) support.push_back(place);
  std::vector<double> coefficients;
  for (const auto& beta : betas)
    for (const auto place : support) coefficients.push_back(beta[static_cast<std::size_t>(place)]);
  const TensorOptions same{.dtype = x.dtype()};
  classes_ = tensor(classes);
  support_ = tensor(support);
  support_vectors_ = pick(x, support);
  dual_coef_ = reshape(tensor(coefficients, same),
                       {static_cast<std::int64_t>(betas.size()), static_cast<std::int64_t>(support.size())});
  intercept_ = tensor(intercepts, same);
}

Tensor SVC::decision_function(const Tensor& x) const {
  check_x("decision_function", x);
  const NoGrad off;
  const Tensor centred = support_vectors_ - shift_;
  const Tensor values = in_blocks(x.size(0), [&](std::int64_t first, std::int64_t last) {
    return linear(kernel_matrix(narrow(x, 0, first, last - first) - shift_, centred, kernel()), dual_coef_,
                  intercept_);
  });
  return classes_.numel() == 2 ? squeeze(values, 1) : values;
}

Tensor SVC::predict(const Tensor& x) const {
  const Tensor values = decision_function(x);
  if (classes_.numel() == 2) return index_select(classes_, 0, gt(values, 0).to(int64));
  const std::int64_t n = values.size(0), pairs = values.size(1), count = classes_.numel();
  const auto value = values.to_vector<double>();
  std::vector<std::int64_t> votes(static_cast<std::size_t>(n * count), 0);
  for (std::int64_t i = 0; i < n; ++i) {
    const double* row = value.data() + i * pairs;
    auto* const vote = votes.data() + i * count;
    for (std::int64_t a = 0; a < count; ++a)
      for (std::int64_t b = a + 1; b < count; ++b) ++vote[*row++ > 0 ? a : b];
  }
  return index_select(classes_, 0, argmax(reshape(tensor(votes), {n, count}), 1));
}

Tensor SVC::coef() const {
  check_fitted();
  if (options_.kernel != Kernel::linear)
    fail("SVC: coef() of a kernel that is not linear; use decision_function()");
  return matmul(dual_coef_, support_vectors_);
}

void SVC::check_fitted() const {
  if (!classes_.defined()) fail("SVC: it has not been fitted; call fit() first");
}

void SVC::check_x(const char* function, const Tensor& x) const {
  check_fitted();
  if (x.dim() != 2 || x.size(1) != support_vectors_.size(1) || x.dtype() != support_vectors_.dtype())
    fail("SVC: {} of {}; give {} [n, {}], as for fit()", function, describe(x), support_vectors_.dtype(),
         support_vectors_.size(1));
}

const Tensor& SVC::classes() const { return check_fitted(), classes_; }
const Tensor& SVC::support() const { return check_fitted(), support_; }
const Tensor& SVC::support_vectors() const { return check_fitted(), support_vectors_; }
const Tensor& SVC::dual_coef() const { return check_fitted(), dual_coef_; }
const Tensor& SVC::intercept() const { return check_fitted(), intercept_; }
double SVC::gamma() const { return check_fitted(), gamma_; }
double SVC::duality_gap() const { return check_fitted(), gap_; }
double SVC::kkt_residual() const { return check_fitted(), residual_; }

}  // namespace ebb::svm
