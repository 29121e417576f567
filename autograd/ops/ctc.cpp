#include "autograd/ops/ctc.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "autograd/ops/loss.h"

namespace ebb {
namespace ops {
namespace {

constexpr double kNever = -1e30;  // the logarithm of no probability; finite, so that differences of two are

Tensor column(const Tensor& lengths) { return unsqueeze(lengths, 1); }

// x[.., i - by], `first` before the first.
Tensor shifted(const Tensor& x, std::int64_t by, double first = kNever) {
  const std::int64_t kept = std::max<std::int64_t>(x.shape()[1] - by, 0), lost = x.shape()[1] - kept;
  return cat({full({x.shape()[0], lost}, first, {.dtype = x.dtype()}), narrow(x, 1, 0, kept)}, 1);
}

}  // namespace

std::array<Tensor, 2> CtcLoss::reference(const Tensor& log_probs, const Tensor& labels,
                                         const Tensor& input_lengths, const Tensor& target_lengths) const {
  const std::int64_t steps = log_probs.shape()[0], n = log_probs.shape()[1], most = labels.shape()[1],
                     states = 2 * most + 1;
  const Dtype dtype = log_probs.dtype();
  const Tensor count =
      expand(unsqueeze(arange(0, static_cast<double>(states), 1, {.dtype = int64}), 0), {n, states});
  const Tensor blanks = full({n, most, 1}, static_cast<double>(options.blank), {.dtype = int64});
  const Tensor used = lt(narrow(count, 1, 0, most), column(target_lengths));
  const Tensor safe = where(used, labels, squeeze(blanks, 2));  // what lies behind the end may be anything
  const Tensor names = cat({reshape(cat({blanks, unsqueeze(safe, 2)}, 2), {n, 2 * most}),
                            full({n, 1}, static_cast<double>(options.blank), {.dtype = int64})},
                           1);
  const auto filled = [&](double value) { return full({n, states}, value, {.dtype = dtype}); };
  const Tensor never = filled(kNever), zero = filled(0), minus_infinity = filled(-kInfinity);
  const Tensor is_label = ne(names, static_cast<double>(options.blank)),
               changes = ne(names, shifted(names, 2, -1));
  const Tensor skips = where(is_label, where(changes, zero, never), never);
  const Tensor exists = le(count, column(target_lengths) * 2);

  std::vector<Tensor> rows;
  Tensor alpha = where(lt(count, 2), zero, never);
  for (std::int64_t t = 0; t < steps; ++t) {
    const Tensor before =
        t == 0 ? alpha : logsumexp(stack({alpha, shifted(alpha, 1), shifted(alpha, 2) + skips}), {0});
    const Tensor now = before + gather(select(log_probs, 0, t), 1, names);
    const Tensor counts = expand(gt(column(input_lengths), static_cast<double>(t)), {n, states});
    alpha = where(counts, now, t == 0 ? never : alpha);
    const Tensor shown = where(lt(alpha, kNever / 2), minus_infinity, alpha);
    rows.push_back(where(exists, where(counts, shown, zero), zero));
  }
  const Tensor last = column(target_lengths) * 2;
  const Tensor ends = cat({gather(alpha, 1, last), gather(shifted(alpha, 1), 1, last)}, 1);
  const Tensor loss = -logsumexp(ends, {1});
  const Tensor possible = lt(loss, -kNever / 2);
  const double otherwise = options.zero_infinity ? 0 : kInfinity;
  return {where(possible, loss, full_like(loss, otherwise)),
          rows.empty() ? zeros({n, 0, states}, {.dtype = dtype}) : stack(rows, 1)};
}

Samples<CtcLoss> CtcLoss::samples(Generator& random) {
  const auto log_probs = [&](const Shape& shape) { return log_softmax(draw(random, shape), 2); };
  const Tensor labels = tensor({{1, 2, 2}, {3, 1, 3}}), lengths = tensor({6, 4}), counts = tensor({3, 2});
  return {{{{0, false}}, {log_probs({6, 2, 4}), labels, lengths, counts}, ""},
          {{{2, true}}, {log_probs({3, 2, 4}), tensor({{1, 1}, {3, 0}}), tensor({2, 3}), tensor({2, 1})}, ""},
          {{{0, false}}, {log_probs({4, 1, 3}), zeros({1, 0}, {.dtype = int64}), tensor({4}), tensor({0})}, ""}};
}

}  // namespace ops

namespace {

// The checks read what a Replay does not look at again.
std::vector<std::int64_t> read(const Tensor& x) {
  const Tensor dense = x.contiguous();
  const auto* first = dense.view().as<const std::int64_t>();
  return {first, first + dense.numel()};
}

void check_ctc(const Tensor& log_probs, const Tensor& labels, const Tensor& input_lengths,
               const Tensor& target_lengths, std::int64_t blank) {
  const std::int64_t steps = log_probs.shape()[0], n = log_probs.shape()[1], classes = log_probs.shape()[2];
  if (blank < 0 || blank >= classes)
    fail("ctc_loss: blank is {}; it must be a class, from 0 to {}", blank, classes - 1);
  for (const auto& [name, lengths, most] :
       {std::tuple("input", &input_lengths, steps), std::tuple("target", &target_lengths, labels.shape()[1])}) {
    if (lengths->shape() != Shape{n})
      fail("ctc_loss: {}_lengths is {}; it must be [{}]", name, lengths->shape(), n);
    for (const auto length : read(*lengths))
      if (length < 0 || length > most)
        fail("ctc_loss: one of {}_lengths is {}; it must be from 0 to {}", name, length, most);
  }
  const auto counts = read(target_lengths), all = read(labels);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < counts[static_cast<std::size_t>(i)]; ++j)
      if (const auto label = all[static_cast<std::size_t>(i * labels.shape()[1] + j)];
          label < 0 || label >= classes || label == blank)
        fail("ctc_loss: label {} of sequence {} is {}; it must be a class, from 0 to {}, other than the blank {}",
             j, i, label, classes - 1, blank);
}

// Sequences that follow each other in one vector, as rows.
Tensor padded(const Tensor& targets, const Tensor& lengths) {
  const auto from = targets.to_vector<std::int64_t>(), counts = lengths.to_vector<std::int64_t>();
  std::int64_t most = 0, total = 0;
  for (const auto count : counts) {
    if (count < 0) fail("ctc_loss: one of target_lengths is {}; it must not be negative", count);
    most = std::max(most, count);
    if (__builtin_add_overflow(total, count, &total)) fail("ctc_loss: target_lengths sum to more than 2^63");
  }
  if (total != targets.numel())
    fail("ctc_loss: {} targets for target_lengths that sum to {}", targets.numel(), total);
  Tensor rows = zeros({static_cast<std::int64_t>(counts.size()), most}, {.dtype = int64});
  auto* to = rows.data<std::int64_t>();
  auto next = from.begin();
  for (const auto count : counts) {
    std::copy_n(next, count, to);
    next += count;
    to += most;
  }
  return rows;
}

}  // namespace

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CtcLossOptions& options) {
  ops::require_floating("ctc_loss", log_probs);
  for (const auto& index : {targets, input_lengths, target_lengths}) ops::require_index("ctc_loss", index);
  ops::refuse_batchmean("ctc_loss", options.reduction);
  if (log_probs.dim() == 2) {
    const Tensor loss = ctc_loss(unsqueeze(log_probs, 1), reshape(targets, {1, -1}), reshape(input_lengths, {1}),
                                 reshape(target_lengths, {1}), options);
    return options.reduction == Reduction::none ? squeeze(loss, 0) : loss;
  }
  if (log_probs.dim() != 3 || targets.dim() < 1 || targets.dim() > 2)
    fail("ctc_loss: log_probs {} and targets {}; they must be [t, n, classes] and [n, most] or one vector",
         log_probs.shape(), targets.shape());
  const Tensor labels = targets.dim() == 1 ? padded(targets, target_lengths) : targets;
  if (labels.shape()[0] != log_probs.shape()[1])
    fail("ctc_loss: targets of {} sequences for log_probs of {}", labels.shape()[0], log_probs.shape()[1]);
  check_ctc(log_probs, labels, input_lengths, target_lengths, options.blank);
  const Tensor losses = apply(ops::CtcLoss{{options.blank, options.zero_infinity}}, log_probs, labels,
                              input_lengths, target_lengths)[0];
  if (options.reduction != Reduction::mean) return ops::reduced(losses, options.reduction);
  return mean(losses / maximum(target_lengths, ones_like(target_lengths)).to(losses.dtype()));
}

}  // namespace ebb
