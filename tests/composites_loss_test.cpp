// Certifies the losses that are more than one operation.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/composites.h"
#include "tests/expect_error.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;

namespace {

// Losses with one reduction r.
struct Losses {
  Reduction r;
  std::string reduction;
  std::vector<Case> cases = {};

  // PyTorch's function is `name` up to a comma; it takes `arguments`.
  void add(const std::string& name, const TensorFunction& f, const Tensors& inputs, const std::string& arguments,
           std::uint32_t differentiable = ~0u) {
    const std::string function = "torch.nn.functional." + name.substr(0, name.find(','));
    cases.push_back({name + ", " + reduction, f, inputs,
                     function + "(" + arguments + ", reduction='" + reduction + "')", differentiable});
  }
};

// A loss of the inputs x[0], x[1], …, with reduction r.
#define LOSS(expression) [r = losses.r](const Tensors& x) { return expression; }

void add_regression_losses(Losses& losses, Generator& random) {
  const auto in = [&] { return draw(random, {3, 2}); };
  const auto probability = [&] { return draw(random, {3, 2}, 0.1, 0.9); };
  const auto weight = [&](const Shape& shape) { return draw(random, shape, 0.5, 2); };
  losses.add("mse_loss", LOSS(mse_loss(x[0], x[1], r)), {in(), in()}, "x[0], x[1]");
  losses.add("l1_loss", LOSS(l1_loss(x[0], x[1], r)), {in(), in()}, "x[0], x[1]");
  losses.add("binary_cross_entropy", LOSS(binary_cross_entropy(x[0], x[1], {.reduction = r})),
             {probability(), probability()}, "x[0], x[1]");
  losses.add("binary_cross_entropy, weighted",
             LOSS(binary_cross_entropy(x[0], x[1], {.weight = x[2], .reduction = r})),
             {probability(), probability(), weight({2})}, "x[0], x[1], x[2]", 3);
  losses.add("binary_cross_entropy_with_logits",
             LOSS(binary_cross_entropy_with_logits(x[0], x[1], {.reduction = r})), {in(), probability()},
             "x[0], x[1]");
  losses.add(
      "binary_cross_entropy_with_logits, weighted",
      LOSS(binary_cross_entropy_with_logits(x[0], x[1], {.weight = x[2], .pos_weight = x[3], .reduction = r})),
      {in(), probability(), weight({3, 1}), weight({2})}, "x[0], x[1], x[2], pos_weight=x[3]", 3);
}

void add_class_losses(Losses& losses, Generator& random) {
  const Tensor target = tensor({1, 3, 0, 1, 2}), ignoring = tensor({1, 3, -100, 1, 2});
  const Tensor image_target = tensor({{1, 3, -100}, {0, 2, 2}});
  const auto rows = [&] { return draw(random, {5, 4}); };
  const auto images = [&] { return draw(random, {2, 4, 3}); };
  const auto weight = [&] { return draw(random, {4}, 0.5, 2); };
  losses.add("nll_loss", LOSS(nll_loss(x[0], x[1], {.reduction = r})), {rows(), target}, "x[0], x[1]");
  losses.add("nll_loss, weighted", LOSS(nll_loss(x[0], x[1], {.weight = x[2], .ignore_index = 1, .reduction = r})),
             {rows(), target, weight()}, "x[0], x[1], x[2], ignore_index=1", 1);
  losses.add("cross_entropy", LOSS(cross_entropy(x[0], x[1], {.reduction = r})), {rows(), ignoring}, "x[0], x[1]");
  losses.add("cross_entropy, weighted", LOSS(cross_entropy(x[0], x[1], {.weight = x[2], .reduction = r})),
             {rows(), ignoring, weight()}, "x[0], x[1], x[2]", 1);
  losses.add("cross_entropy, smoothed", LOSS(cross_entropy(x[0], x[1], {.label_smoothing = 0.2, .reduction = r})),
             {rows(), ignoring}, "x[0], x[1], label_smoothing=0.2");
  losses.add("cross_entropy, weighted and smoothed",
             LOSS(cross_entropy(x[0], x[1], {.weight = x[2], .label_smoothing = 0.2, .reduction = r})),
             {rows(), ignoring, weight()}, "x[0], x[1], x[2], label_smoothing=0.2", 1);
  losses.add("cross_entropy, images", LOSS(cross_entropy(x[0], x[1], {.reduction = r})), {images(), image_target},
             "x[0], x[1]");
  losses.add("cross_entropy, images, weighted", LOSS(cross_entropy(x[0], x[1], {.weight = x[2], .reduction = r})),
             {images(), image_target, weight()}, "x[0], x[1], x[2]", 1);
  losses.add("cross_entropy, one", LOSS(cross_entropy(x[0], x[1], {.reduction = r})),
             {draw(random, {4}), tensor(2)}, "x[0], x[1]");
  losses.add("cross_entropy, probabilities", LOSS(cross_entropy(x[0], x[1], {.reduction = r})),
             {rows(), softmax(rows(), 1)}, "x[0], x[1]");
  losses.add("cross_entropy, probabilities, weighted and smoothed",
             LOSS(cross_entropy(x[0], x[1], {.weight = x[2], .label_smoothing = 0.1, .reduction = r})),
             {images(), softmax(images(), 1), weight()}, "x[0], x[1], x[2], label_smoothing=0.1", 3);
}

void add_distribution_losses(Losses& losses, Generator& random) {
  const auto in = [&] { return draw(random, {3, 2}); };
  const auto positive = [&](const Shape& shape = {3, 2}) { return draw(random, shape, 0.5, 3); };
  losses.add("smooth_l1_loss", LOSS(smooth_l1_loss(x[0], x[1], r)), {in(), in()}, "x[0], x[1]");
  losses.add("smooth_l1_loss, beta", LOSS(smooth_l1_loss(x[0], x[1], r, 2.5)), {in(), in()},
             "x[0], x[1], beta=2.5");
  losses.add("smooth_l1_loss, beta 0", LOSS(smooth_l1_loss(x[0], x[1], r, 0)), {in(), in()}, "x[0], x[1], beta=0");
  losses.add("huber_loss", LOSS(huber_loss(x[0], x[1], r)), {in(), in()}, "x[0], x[1]");
  losses.add("huber_loss, delta", LOSS(huber_loss(x[0], x[1], r, 2.5)), {in(), in()}, "x[0], x[1], delta=2.5");
  losses.add("kl_div", LOSS(kl_div(x[0], x[1], {.reduction = r})), {in(), positive()}, "x[0], x[1]");
  losses.add("kl_div, log_target", LOSS(kl_div(x[0], x[1], {.reduction = r, .log_target = true})), {in(), in()},
             "x[0], x[1], log_target=True");
  losses.add("poisson_nll_loss", LOSS(poisson_nll_loss(x[0], x[1], {.reduction = r})), {in(), positive()},
             "x[0], x[1]");
  losses.add("poisson_nll_loss, full", LOSS(poisson_nll_loss(x[0], x[1], {.full = true, .reduction = r})),
             {in(), positive()}, "x[0], x[1], full=True", 1);
  losses.add("poisson_nll_loss, counts", LOSS(poisson_nll_loss(x[0], x[1], {.log_input = false, .reduction = r})),
             {positive(), positive()}, "x[0], x[1], log_input=False");
  losses.add("gaussian_nll_loss", LOSS(gaussian_nll_loss(x[0], x[1], x[2], {.reduction = r})),
             {in(), in(), positive()}, "x[0], x[1], x[2]");
  losses.add("gaussian_nll_loss, rows", LOSS(gaussian_nll_loss(x[0], x[1], x[2], {.full = true, .reduction = r})),
             {in(), in(), positive({3})}, "x[0], x[1], x[2], full=True");
}

void add_margin_losses(Losses& losses, Generator& random) {
  const auto in = [&](const Shape& shape = {3, 2}) { return draw(random, shape); };
  const auto signs = [](const Shape& shape) {
    return reshape(tensor({1.0, -1.0, -1.0, 1.0, 1.0, -1.0}, {.dtype = float64}), {-1, shape[shape.rank() - 1]});
  };
  const Tensor sign = signs({3, 2}), each = tensor({1.0, -1.0, -1.0, 1.0}, {.dtype = float64});
  losses.add("hinge_embedding_loss", LOSS(hinge_embedding_loss(x[0], x[1], 1, r)), {in(), sign}, "x[0], x[1]", 1);
  losses.add("hinge_embedding_loss, margin", LOSS(hinge_embedding_loss(x[0], x[1], 0.3, r)), {in(), sign},
             "x[0], x[1], margin=0.3", 1);
  losses.add("soft_margin_loss", LOSS(soft_margin_loss(x[0], x[1], r)), {in(), sign}, "x[0], x[1]", 1);
  losses.add("margin_ranking_loss", LOSS(margin_ranking_loss(x[0], x[1], x[2], 0.3, r)), {in(), in(), sign},
             "x[0], x[1], x[2], margin=0.3");
  losses.add("cosine_embedding_loss", LOSS(cosine_embedding_loss(x[0], x[1], x[2], -0.4, r)),
             {in({4, 3}), in({4, 3}), each}, "x[0], x[1], x[2], margin=-0.4", 3);
  losses.add("triplet_margin_loss", LOSS(triplet_margin_loss(x[0], x[1], x[2], {.margin = 2, .reduction = r})),
             {in({4, 3}), in({4, 3}), in({4, 3})}, "x[0], x[1], x[2], margin=2");
  losses.add("triplet_margin_loss, p 3, swap",
             LOSS(triplet_margin_loss(x[0], x[1], x[2], {.margin = 2, .p = 3, .swap = true, .reduction = r})),
             {in({4, 3}), in({4, 3}), in({4, 3})}, "x[0], x[1], x[2], margin=2, p=3, swap=True");
  losses.add("multi_margin_loss", LOSS(multi_margin_loss(x[0], x[1], {.reduction = r})),
             {in({3, 4}), tensor({1, 3, 0})}, "x[0], x[1]");
  losses.add("multi_margin_loss, weighted",
             LOSS(multi_margin_loss(x[0], x[1], {.p = 2, .margin = 2, .weight = x[2], .reduction = r})),
             {in({3, 4}), tensor({1, 3, 0}), draw(random, {4}, 0.5, 2)}, "x[0], x[1], p=2, margin=2, weight=x[2]",
             1);
  losses.add("multi_margin_loss, one", LOSS(multi_margin_loss(x[0], x[1], {.reduction = r})), {in({4}), tensor(2)},
             "x[0], x[1]");
  losses.add("multilabel_margin_loss", LOSS(multilabel_margin_loss(x[0], x[1], r)),
             {in({3, 4}), tensor({{2, 0, -1, 1}, {-1, 1, 2, 3}, {3, 1, 0, 2}})}, "x[0], x[1]");
  losses.add("multilabel_margin_loss, one", LOSS(multilabel_margin_loss(x[0], x[1], r)),
             {in({4}), tensor({3, -1, 1, 0})}, "x[0], x[1]");
  losses.add("multilabel_soft_margin_loss", LOSS(multilabel_soft_margin_loss(x[0], x[1], x[2], r)),
             {in({3, 4}), draw(random, {3, 4}, 0, 1), draw(random, {4}, 0.5, 2)}, "x[0], x[1], x[2]", 3);
}

void add_alignment_losses(Losses& losses, Generator& random) {
  const Tensor labels = tensor({{1, 2, 2}, {3, 1, 3}}), lengths = tensor({6, 4}), counts = tensor({3, 2});
  const auto in = [&] { return draw(random, {6, 2, 4}); };
  losses.add("ctc_loss", LOSS(ctc_loss(log_softmax(x[0], 2), x[1], x[2], x[3], {.reduction = r})),
             {in(), labels, lengths, counts}, "torch.log_softmax(x[0], 2), x[1], x[2], x[3]");
  losses.add("ctc_loss, blank 3",
             LOSS(ctc_loss(log_softmax(x[0], 2), x[1], x[2], x[3], {.blank = 3, .reduction = r})),
             {in(), tensor({{1, 1}, {0, 2}}), lengths, tensor({2, 2})},
             "torch.log_softmax(x[0], 2), x[1], x[2], x[3], blank=3");
  losses.add("ctc_loss, too long",
             LOSS(ctc_loss(log_softmax(x[0], 2), x[1], x[2], x[3], {.reduction = r, .zero_infinity = true})),
             {in(), labels, tensor({3, 4}), counts},
             "torch.log_softmax(x[0], 2), x[1], x[2], x[3], zero_infinity=True");
  losses.add("ctc_loss, one", LOSS(ctc_loss(log_softmax(x[0], 1), x[1], x[2], x[3], {.reduction = r})),
             {draw(random, {5, 4}), tensor({1, 3}), tensor(5), tensor(2)},
             "torch.log_softmax(x[0], 1), x[1], x[2], x[3]");
}

std::vector<Case> with_each_reduction(void (*add)(Losses&, Generator&)) {
  Generator random{14};
  std::vector<Case> cases;
  for (Losses losses :
       {Losses{Reduction::mean, "mean"}, Losses{Reduction::sum, "sum"}, Losses{Reduction::none, "none"}}) {
    add(losses, random);
    cases.insert(cases.end(), losses.cases.begin(), losses.cases.end());
  }
  return cases;
}
std::vector<Case> regression_losses() { return with_each_reduction(add_regression_losses); }
std::vector<Case> class_losses() { return with_each_reduction(add_class_losses); }
std::vector<Case> distribution_losses() { return with_each_reduction(add_distribution_losses); }
std::vector<Case> margin_losses() { return with_each_reduction(add_margin_losses); }
std::vector<Case> alignment_losses() { return with_each_reduction(add_alignment_losses); }

// The weights of examples have gradients too; PyTorch gives none.
std::vector<Case> weights() {
  Generator random{15};
  return {{"weights of binary_cross_entropy_with_logits",
           F(binary_cross_entropy_with_logits(x[0], x[1], {.weight = x[2], .pos_weight = x[3]})),
           {draw(random, {3, 2}), draw(random, {3, 2}, 0.1, 0.9), draw(random, {3, 1}, 0.5, 2),
            draw(random, {2}, 0.5, 2)},
           "(x[2] * ((1 - x[1]) * x[0] + (1 + (x[3] - 1) * x[1]) * torch.nn.functional.softplus(-x[0]))).mean()"},
          {"weights of cross_entropy",
           F(cross_entropy(x[0], tensor({1, 0}), {.weight = x[1]})),
           {draw(random, {2, 3}), draw(random, {3}, 0.5, 2)},
           "-(x[1][[1, 0]] * torch.log_softmax(x[0], 1)[[0, 1], [1, 0]]).sum() / x[1][[1, 0]].sum()"}};
}

double at(const Tensor& loss) { return loss.item(); }

}  // namespace

TEST_CASE("losses of numbers") { certify_all(regression_losses()); }
TEST_CASE("losses of distributions") { certify_all(distribution_losses()); }
TEST_CASE("losses with a margin") { certify_all(margin_losses()); }
TEST_CASE("losses of alignments") { certify_all(alignment_losses()); }
TEST_CASE("losses of classes") { certify_all(class_losses()); }
TEST_CASE("losses in their weights") { certify_all(weights()); }

TEST_CASE("losses at their kinks and ends") {
  const auto number = [](double v) { return tensor({v}, {.dtype = float64}); };
  const auto slope = [&](auto&& f, double v) {
    const Tensor x = number(v).set_requires_grad();
    f(x).backward();
    return x.grad().item();
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  CHECK(slope([&](const Tensor& x) { return huber_loss(x, number(0)); }, 1) == 1);
  CHECK(slope([&](const Tensor& x) { return huber_loss(x, number(0)); }, kInfinity) == 1);
  CHECK(slope([&](const Tensor& x) { return smooth_l1_loss(x, number(0), Reduction::sum, 0); }, 0) == 0);
  CHECK(slope([&](const Tensor& x) { return hinge_embedding_loss(x, number(-1)); }, 1) == -1);
  CHECK(slope([&](const Tensor& x) { return margin_ranking_loss(x, number(0), number(1)); }, 0) == -1);
  CHECK(slope([&](const Tensor& x) { return soft_margin_loss(x, number(1)); }, -800) == -1);
  CHECK(at(soft_margin_loss(number(-800), number(1))) == 800);
  CHECK(at(kl_div(number(-1), number(0))) == 0);
  CHECK(slope([&](const Tensor& x) { return kl_div(x, number(0)); }, -1) == 0);
  CHECK(at(gaussian_nll_loss(number(1), number(0), number(0))) == doctest::Approx((std::log(1e-6) + 1e6) / 2));
}

TEST_CASE("batchmean divides by the first size") {
  const Tensor x = zeros({4, 3}), y = ones({4, 3});
  CHECK(kl_div(x, y * 2, {.reduction = Reduction::batchmean}).item() == doctest::Approx(3 * 2 * std::log(2.0)));
  CHECK(mse_loss(x, y, Reduction::batchmean).item() == 3);
  CHECK_ERROR(nll_loss(x, tensor({0, 1, 2, 0}), {.reduction = Reduction::batchmean}),
              "nll_loss: the reduction is batchmean; mean is the mean of the examples");
}

TEST_CASE("losses refuse what makes no sense") {
  const Tensor x = ones({3, 2}), y = ones({3});
  CHECK_ERROR(huber_loss(x, y),
              "huber_loss: input [3, 2] and target [3] differ; reshape one, since broadcasting a loss "
              "is nearly always a mistake");
  CHECK_ERROR(huber_loss(x, x, Reduction::mean, 0), "huber_loss: delta is 0; it must be above 0");
  CHECK_ERROR(smooth_l1_loss(x, x, Reduction::mean, -1), "smooth_l1_loss: beta is -1; it must be 0 or larger");
  CHECK_ERROR(
      gaussian_nll_loss(x, x, ones({2})),
      "gaussian_nll_loss: var is [2] for an input [3, 2]; it must have the same shape, or one value for each row");
  CHECK_ERROR(
      cosine_embedding_loss(x, x, ones({2, 2})),
      "cosine_embedding_loss: inputs [3, 2] and target [2, 2]; they must be [n, d] and [n], or [d] and 0-d");
  CHECK_ERROR(triplet_margin_loss(x, x, x, {.p = 0}), "triplet_margin_loss: p is 0; it must be above 0");
  CHECK_ERROR(multi_margin_loss(x, tensor({0, 1, 1}), {.p = 3}), "multi_margin_loss: p is 3; it must be 1 or 2");
  CHECK_ERROR(multi_margin_loss(x, tensor({0, 1})),
              "multi_margin_loss: the target is [2] for an input [3, 2]; it must have one class for each row");
  CHECK_ERROR(multi_margin_loss(x, tensor({0, 1, 1}), {.weight = y}),
              "multi_margin_loss: the weight is [3]; it must be [2]");
  CHECK_ERROR(multilabel_margin_loss(x, tensor({0, 1})),
              "multilabel_margin_loss: the target is [2]; it must have the input's shape, [3, 2]");
  CHECK_ERROR(multilabel_margin_loss(ones({2, 2, 2}), tensor({0, 1})),
              "multilabel_margin_loss: the input is [2, 2, 2]; it must be [n, classes] or [classes]");
  CHECK_ERROR(multilabel_soft_margin_loss(tensor(1.0), tensor(1.0)),
              "multilabel_soft_margin_loss: the input is 0-d; it must be [.., classes]");
}

TEST_CASE("ctc_loss takes its targets one after the other too") {
  Generator random{16};
  const Tensor x = log_softmax(draw(random, {6, 2, 4}), 2), lengths = tensor({6, 4}), counts = tensor({3, 1});
  CHECK(ctc_loss(x, tensor({1, 2, 2, 3}), lengths, counts).item() ==
        ctc_loss(x, tensor({{1, 2, 2}, {3, 0, 0}}), lengths, counts).item());
}

TEST_CASE("ctc_loss refuses what makes no sense") {
  const Tensor x = log_softmax(zeros({4, 1, 3}), 2), labels = tensor({{1, 2}}), four = tensor({4}),
               two = tensor({2});
  CHECK_ERROR(ctc_loss(x, labels, four, two, {.blank = 3}),
              "ctc_loss: blank is 3; it must be a class, from 0 to 2");
  CHECK_ERROR(ctc_loss(x, labels, tensor({5}), two),
              "ctc_loss: one of input_lengths is 5; it must be from 0 to 4");
  CHECK_ERROR(ctc_loss(x, labels, four, tensor({3})),
              "ctc_loss: one of target_lengths is 3; it must be from 0 to 2");
  CHECK_ERROR(ctc_loss(x, labels, tensor({4, 4}), two), "ctc_loss: input_lengths is [2]; it must be [1]");
  CHECK_ERROR(ctc_loss(x, tensor({{1, 0}}), four, two),
              "ctc_loss: label 1 of sequence 0 is 0; it must be a class, from 0 to 2, other than the blank 0");
  CHECK_ERROR(ctc_loss(x, tensor({1, 2, 1}), four, two), "ctc_loss: 3 targets for target_lengths that sum to 2");
  CHECK(std::isinf(ctc_loss(x, labels, tensor({1}), two).item()));
  CHECK(ctc_loss(x, labels, tensor({1}), two, {.zero_infinity = true}).item() == 0);
}

TEST_CASE("write samples" * doctest::skip()) {
  write_samples(together({regression_losses(), distribution_losses(), margin_losses(), alignment_losses(),
                          class_losses(), weights()}));
}
