// Losses, in the operations of the other files.
#include <cmath>
#include <limits>

#include "autograd/ops/common.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/softmax.h"

namespace ebb {

using ops::reduced, ops::require_same_shape;

namespace {

// [n, classes, a, b] as rows [n · a · b, classes]; [classes] as one row.
Tensor rows_of(const Tensor& x) {
  if (x.dim() == 1) return unsqueeze(x, 0);
  if (x.dim() == 2) return x;
  Dims order{0};
  for (int i = 2; i < x.dim(); ++i) order.push_back(i);
  order.push_back(1);
  return reshape(permute(x, order), {-1, x.shape()[1]});
}

// input's shape without its classes.
Shape target_shape(const Tensor& input) { return input.dim() == 1 ? Shape{} : input.shape().without(1); }

void check_class_loss(const char* loss, const Tensor& input, const Tensor& target,
                      const ClassLossOptions& options) {
  ops::require_floating(loss, input);
  if (input.dim() == 0) fail("{}: the input is 0-d; it must be [n, classes, ..] or [classes]", loss);
  if (target.shape() != target_shape(input))
    fail("{}: the target is {}, the input {}; the target must be {}", loss, target.shape(), input.shape(),
         target_shape(input));
  ops::require_index(loss, target);
  ops::refuse_batchmean(loss, options.reduction);
  const std::int64_t classes = input.dim() == 1 ? input.shape()[0] : input.shape()[1];
  if (options.weight.defined() && options.weight.shape() != Shape{classes})
    fail("{}: the weight is {}; it must be [{}]", loss, options.weight.shape(), classes);
}

void check_targets(const char* loss, const Tensor& target, std::int64_t classes, std::int64_t ignore_index) {
  const Tensor flat = target.contiguous();
  const auto* t = flat.view().as<const std::int64_t>();
  for (std::int64_t i = 0; i < flat.numel(); ++i)
    if (t[i] != ignore_index && (t[i] < 0 || t[i] >= classes))
      fail("{}: target {} at place {} is outside [0, {}) and is not ignore_index {}", loss, t[i], i, classes,
           ignore_index);
}

// The weight of each row: that of its class, 0 where ignored.
Tensor row_weights(const Tensor& target, const Tensor& like, const ClassLossOptions& options) {
  const Tensor counts = ne(target, static_cast<double>(options.ignore_index)).to(like.dtype());
  if (!options.weight.defined()) return counts;
  const Tensor index = where(gt(counts, 0), target, zeros_like(target));
  return counts * index_select(options.weight, 0, index);
}

Tensor finish(const Tensor& losses, const Tensor& weights, const Shape& shape, Reduction reduction) {
  if (reduction == Reduction::none) return reshape(losses, shape);
  return reduction == Reduction::sum ? sum(losses) : sum(losses) / sum(weights);
}

// log x, at least -100; the derivative is 0 where that floor holds.
Tensor floored_log(const Tensor& x) {
  const Tensor low = le(x, std::exp(-100.0));
  return where(low, full_like(x, -100), log(where(low, ones_like(x), x)));
}

Tensor weighted(const Tensor& losses, const BinaryLossOptions& options) {
  return reduced(options.weight.defined() ? losses * options.weight : losses, options.reduction);
}

}  // namespace

Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  require_same_shape("mse_loss", input, target);
  return reduced(square(input - target), reduction);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  require_same_shape("l1_loss", input, target);
  return reduced(abs(input - target), reduction);
}

Tensor nll_loss(const Tensor& input, const Tensor& target, const ClassLossOptions& options) {
  check_class_loss("nll_loss", input, target, options);
  const Tensor rows = rows_of(input), flat = reshape(target, {-1});
  check_targets("nll_loss", flat, rows.shape()[1], options.ignore_index);
  const Tensor weights = row_weights(flat, rows, options);
  const Tensor ignored = eq(flat, static_cast<double>(options.ignore_index));
  const Tensor picked = squeeze(gather(rows, 1, unsqueeze(where(ignored, zeros_like(flat), flat), 1)), 1);
  const Tensor losses = -where(ignored, zeros_like(picked), picked) * weights;
  return finish(losses, weights, target.shape(), options.reduction);
}

namespace {

Tensor cross_entropy_of_probabilities(const Tensor& input, const Tensor& target, const ClassLossOptions& options) {
  require_same_shape("cross_entropy", input, target);
  ops::refuse_batchmean("cross_entropy", options.reduction);
  const Tensor rows = rows_of(input),
               classes = full({}, static_cast<double>(rows.shape()[1]), {.dtype = input.dtype()});
  Tensor p = rows_of(target);
  if (options.label_smoothing > 0) p = p * (1 - options.label_smoothing) + options.label_smoothing / classes;
  Tensor losses = -p * log_softmax(rows, 1);
  if (options.weight.defined()) losses = losses * options.weight;
  losses = sum(losses, {1});
  if (options.reduction == Reduction::none) return reshape(losses, target_shape(input));
  const Tensor total = sum(losses);
  return options.reduction == Reduction::sum ? total : total / static_cast<double>(rows.shape()[0]);
}

// (1 - ε) nll + ε / classes · Σ_c weight_c (-log p_c)
Tensor smoothed_cross_entropy(const Tensor& rows, const Tensor& flat, const ClassLossOptions& options) {
  const Tensor log_p = log_softmax(rows, 1);
  const Tensor nll = nll_loss(
      log_p, flat, {.weight = options.weight, .ignore_index = options.ignore_index, .reduction = Reduction::none});
  const Tensor counts = ne(flat, static_cast<double>(options.ignore_index)).to(rows.dtype());
  const Tensor all = -sum(options.weight.defined() ? log_p * options.weight : log_p, {1}) * counts;
  const double share = options.label_smoothing / static_cast<double>(rows.shape()[1]);
  return nll * (1 - options.label_smoothing) + all * share;
}

}  // namespace

Tensor cross_entropy(const Tensor& input, const Tensor& target, const ClassLossOptions& options) {
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    fail("cross_entropy: label_smoothing is {}; it must be from 0 to 1", options.label_smoothing);
  if (is_floating(target.dtype())) return cross_entropy_of_probabilities(input, target, options);
  check_class_loss("cross_entropy", input, target, options);
  const Tensor rows = rows_of(input), flat = reshape(target, {-1});
  if (options.label_smoothing == 0 && !options.weight.defined()) {
    const Tensor losses = apply(ops::CrossEntropy{options.ignore_index}, rows, flat);
    if (options.reduction != Reduction::mean) return finish(losses, {}, target.shape(), options.reduction);
    return sum(losses) / sum(ne(flat, static_cast<double>(options.ignore_index))).to(losses.dtype());
  }
  check_targets("cross_entropy", flat, rows.shape()[1], options.ignore_index);
  const Tensor weights = row_weights(flat, rows, options);
  Tensor losses = options.label_smoothing > 0
                      ? smoothed_cross_entropy(rows, flat, options)
                      : weights * apply(ops::CrossEntropy{options.ignore_index}, rows, flat);
  return finish(losses, weights, target.shape(), options.reduction);
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const BinaryLossOptions& options) {
  require_same_shape("binary_cross_entropy", input, target);
  if (options.pos_weight.defined())
    fail("binary_cross_entropy: pos_weight is for binary_cross_entropy_with_logits");
  return weighted(-(target * floored_log(input) + (1 - target) * floored_log(1 - input)), options);
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BinaryLossOptions& options) {
  require_same_shape("binary_cross_entropy_with_logits", input, target);
  constexpr double kNever = std::numeric_limits<double>::infinity();  // softplus is stable for all x
  const Tensor losses =
      options.pos_weight.defined()
          ? (1 - target) * input + ((options.pos_weight - 1) * target + 1) * softplus(-input, 1, kNever)
          : softplus(input, 1, kNever) - input * target;
  return weighted(losses, options);
}

}  // namespace ebb
