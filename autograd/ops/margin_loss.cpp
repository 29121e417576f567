// Losses with a margin, and of distributions, in the operations of the other files.
#include <cmath>
#include <limits>
#include <numbers>

#include "autograd/ops/common.h"
#include "autograd/ops/loss.h"

namespace ebb {

using ops::reduced, ops::require_same_shape;

namespace {

// max(0, x) with the derivative 1 at 0.
Tensor positive_part(const Tensor& x) { return clamp(x, 0, std::numeric_limits<double>::infinity()); }

// d² / (2 delta) where |d| < delta, else |d| - delta / 2. What is squared is small, whatever d.
Tensor huber(const Tensor& d, double delta) {
  const Tensor near = lt(abs(d), delta), inside = where(near, d, zeros_like(d));
  return where(near, square(inside) * (0.5 / delta), abs(d) - 0.5 * delta);
}

// One of two losses, by a target that is 1 or -1.
Tensor by_sign(const Tensor& target, const Tensor& of_one, const Tensor& of_minus_one) {
  const Tensor zero = zeros_like(of_one);
  return where(eq(target, 1), of_one, zero) + where(eq(target, -1), of_minus_one, zero);
}

void require_broadcast(const char* loss, const Tensor& a, const Tensor& b) {
  ops::require_floating(loss, a);
  ops::require_same_dtype(loss, a, b);
}

// [classes] as [1, classes].
Tensor as_rows(const Tensor& x) { return x.dim() == 1 ? unsqueeze(x, 0) : x; }

void require_rows(const char* loss, const Tensor& input) {
  ops::require_floating(loss, input);
  if (input.dim() < 1 || input.dim() > 2 || input.shape()[input.dim() - 1] == 0)
    fail("{}: the input is {}; it must be [n, classes] or [classes]", loss, input.shape());
}

}  // namespace

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, Reduction reduction, double beta) {
  require_same_shape("smooth_l1_loss", input, target);
  if (!(beta >= 0)) fail("smooth_l1_loss: beta is {}; it must be 0 or larger", beta);
  return beta == 0 ? l1_loss(input, target, reduction) : reduced(huber(input - target, beta), reduction);
}

Tensor huber_loss(const Tensor& input, const Tensor& target, Reduction reduction, double delta) {
  require_same_shape("huber_loss", input, target);
  if (!(delta > 0)) fail("huber_loss: delta is {}; it must be above 0", delta);
  return reduced(huber(input - target, delta) * delta, reduction);
}

Tensor kl_div(const Tensor& input, const Tensor& target, const KlDivOptions& options) {
  require_same_shape("kl_div", input, target);
  if (options.log_target) return reduced(exp(target) * (target - input), options.reduction);
  const Tensor none = le(target, 0), safe = where(none, ones_like(target), target);
  const Tensor entropy = where(none, zeros_like(target), safe * log(safe));
  return reduced(entropy - target * input, options.reduction);
}

Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, const PoissonNllOptions& options) {
  require_same_shape("poisson_nll_loss", input, target);
  Tensor losses = options.log_input ? exp(input) - target * input : input - target * log(input + options.eps);
  if (options.full) {
    const Tensor large = gt(target, 1), safe = where(large, target, ones_like(target));
    const Tensor stirling = safe * log(safe) - safe + log(safe * (2 * std::numbers::pi)) * 0.5;
    losses = losses + where(large, stirling, zeros_like(target));
  }
  return reduced(losses, options.reduction);
}

Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var,
                         const GaussianNllOptions& options) {
  require_same_shape("gaussian_nll_loss", input, target);
  ops::require_same_dtype("gaussian_nll_loss", input, var);
  const bool per_row = var.dim() + 1 == input.dim();
  Tensor variance = per_row ? unsqueeze(var, -1) : var;
  bool fits = variance.dim() == input.dim();
  for (int i = 0; fits && i < input.dim(); ++i)
    fits = variance.shape()[i] == input.shape()[i] || (i + 1 == input.dim() && variance.shape()[i] == 1);
  if (!fits)
    fail("gaussian_nll_loss: var is {} for an input {}; it must have the same shape, or one value for each row",
         var.shape(), input.shape());
  const Tensor raised = clamp(variance, options.eps, std::numeric_limits<double>::infinity());
  variance = variance + (raised - variance).detach();
  const Tensor losses = (log(variance) + square(input - target) / variance) * 0.5;
  return reduced(options.full ? losses + 0.5 * std::log(2 * std::numbers::pi) : losses, options.reduction);
}

Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin, Reduction reduction) {
  require_same_shape("hinge_embedding_loss", input, target);
  const Tensor zero = zeros_like(input);
  const Tensor far = where(eq(target, 1), zero, positive_part(margin - input));
  return reduced(far + where(eq(target, -1), zero, input), reduction);
}

Tensor hinge_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  require_same_shape("hinge_loss", input, target);
  return reduced(relu(1 - target * input), reduction);
}

Tensor soft_margin_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  require_same_shape("soft_margin_loss", input, target);
  return reduced(softplus(-(target * input), 1, std::numeric_limits<double>::infinity()), reduction);
}

Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin,
                           Reduction reduction) {
  require_same_shape("margin_ranking_loss", input1, input2);
  require_same_shape("margin_ranking_loss", input1, target);
  return reduced(positive_part(margin - target * (input1 - input2)), reduction);
}

Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin,
                             Reduction reduction) {
  constexpr double kTiny = 1e-12;
  require_same_shape("cosine_embedding_loss", input1, input2);
  require_broadcast("cosine_embedding_loss", input1, target);
  if (input1.dim() < 1 || input1.dim() > 2 || target.dim() != input1.dim() - 1)
    fail("cosine_embedding_loss: inputs {} and target {}; they must be [n, d] and [n], or [d] and 0-d",
         input1.shape(), target.shape());
  const auto square_norm = [](const Tensor& x) { return sum(square(x), {-1}) + kTiny; };
  const Tensor cosine = sum(input1 * input2, {-1}) / sqrt(square_norm(input1) * square_norm(input2));
  return reduced(by_sign(target, 1 - cosine, positive_part(cosine - margin)), reduction);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMarginOptions& options) {
  require_broadcast("triplet_margin_loss", anchor, positive);
  require_broadcast("triplet_margin_loss", anchor, negative);
  if (!(options.p > 0)) fail("triplet_margin_loss: p is {}; it must be above 0", options.p);
  const Tensor near = pairwise_distance(anchor, positive, options.p, options.eps);
  Tensor far = pairwise_distance(anchor, negative, options.p, options.eps);
  if (options.swap) far = minimum(far, pairwise_distance(positive, negative, options.p, options.eps));
  return reduced(positive_part(near - far + options.margin), options.reduction);
}

Tensor multi_margin_loss(const Tensor& input, const Tensor& target, const MultiMarginOptions& options) {
  require_rows("multi_margin_loss", input);
  ops::require_index("multi_margin_loss", target);
  if (options.p != 1 && options.p != 2) fail("multi_margin_loss: p is {}; it must be 1 or 2", options.p);
  const Tensor rows = as_rows(input);
  const std::int64_t n = rows.shape()[0], classes = rows.shape()[1];
  if (target.dim() != input.dim() - 1 || target.numel() != n)
    fail("multi_margin_loss: the target is {} for an input {}; it must have one class for each row",
         target.shape(), input.shape());
  if (options.weight.defined() && options.weight.shape() != Shape{classes})
    fail("multi_margin_loss: the weight is {}; it must be [{}]", options.weight.shape(), classes);
  const Tensor flat = reshape(target, {n}), index = unsqueeze(flat, 1);
  const Tensor margins = relu(options.margin - gather(rows, 1, index) + rows);
  const Tensor others = ne(expand(index, {n, classes}),
                           expand(arange(0, static_cast<double>(classes), 1, {.dtype = int64}), {n, classes}));
  Tensor losses = options.p == 1 ? margins : square(margins);
  losses = sum(where(others, losses, zeros_like(losses)), {1}) / static_cast<double>(classes);
  if (options.weight.defined()) losses = losses * index_select(options.weight, 0, flat);
  return reduced(input.dim() == 1 ? squeeze(losses, 0) : losses, options.reduction);
}

Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  require_rows("multilabel_margin_loss", input);
  ops::require_index("multilabel_margin_loss", target);
  if (target.shape() != input.shape())
    fail("multilabel_margin_loss: the target is {}; it must have the input's shape, {}", target.shape(),
         input.shape());
  const Tensor rows = as_rows(input), labels = as_rows(target);
  const std::int64_t n = rows.shape()[0], classes = rows.shape()[1];
  const Tensor count = arange(0, static_cast<double>(classes), 1, {.dtype = int64});

  // The labels of a row count up to its first negative one: where no label up to there is negative.
  const Tensor before = ge(unsqueeze(count, 0), unsqueeze(count, 1)).to(input.dtype());  // [i, j]: i ≤ j
  const Tensor counts = eq(matmul(lt(labels, 0).to(input.dtype()), before), 0);
  const Tensor safe = where(counts, labels, zeros_like(labels));
  const Tensor is_label = eq(unsqueeze(safe, 2), reshape(count, {1, 1, classes})).to(input.dtype()) *
                          unsqueeze(counts.to(input.dtype()), 2);  // [n, j, i]
  const Tensor is_other = eq(sum(is_label, {1}, true), 0).to(input.dtype());
  const Tensor pairs = unsqueeze(counts.to(input.dtype()), 2) * is_other;
  const Tensor margins = relu(1 - unsqueeze(gather(rows, 1, safe), 2) + unsqueeze(rows, 1));
  const Tensor losses = sum(margins * pairs, {1, 2}) / static_cast<double>(classes);
  return reduced(input.dim() == 1 ? reshape(losses, {}) : reshape(losses, {n}), reduction);
}

Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                                   Reduction reduction) {
  if (input.dim() == 0) fail("multilabel_soft_margin_loss: the input is 0-d; it must be [.., classes]");
  const Tensor losses =
      binary_cross_entropy_with_logits(input, target, {.weight = weight, .reduction = Reduction::none});
  return reduced(mean(losses, {-1}), reduction);
}

}  // namespace ebb
