// Activations and losses: the value of each, its slope, and the slope of that, as tables and curves.
#include "support.h"

using namespace ebb;

using Function = std::function<Tensor(const Tensor&)>;

struct Shown {
  std::string name;
  Function f;
};

const std::vector<Shown> kActivations{{"sigmoid", [](const Tensor& x) { return sigmoid(x); }},
                                      {"tanh", [](const Tensor& x) { return tanh(x); }},
                                      {"softplus", [](const Tensor& x) { return softplus(x); }},
                                      {"gelu", [](const Tensor& x) { return gelu(x); }},
                                      {"silu", [](const Tensor& x) { return silu(x); }},
                                      {"mish", [](const Tensor& x) { return mish(x); }},
                                      {"logsigmoid", [](const Tensor& x) { return logsigmoid(x); }},
                                      {"tanhshrink", [](const Tensor& x) { return tanhshrink(x); }},
                                      {"softsign", [](const Tensor& x) { return softsign(x); }},
                                      {"elu", [](const Tensor& x) { return elu(x); }},
                                      {"selu", [](const Tensor& x) { return selu(x); }},
                                      {"celu, α = 2", [](const Tensor& x) { return celu(x, 2); }},
                                      {"relu", [](const Tensor& x) { return relu(x); }},
                                      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); }},
                                      {"relu6", [](const Tensor& x) { return relu6(x); }},
                                      {"hardtanh", [](const Tensor& x) { return hardtanh(x); }},
                                      {"hardsigmoid", [](const Tensor& x) { return hardsigmoid(x); }},
                                      {"hardswish", [](const Tensor& x) { return hardswish(x); }},
                                      {"hardshrink", [](const Tensor& x) { return hardshrink(x); }},
                                      {"softshrink", [](const Tensor& x) { return softshrink(x); }}};

Tensor half(const Tensor& x) { return full_like(x, 0.5); }
constexpr auto kEach = Reduction::none;

const std::vector<Shown> kLosses{
    // of an answer x where 1/2 is right, or 1 where it is a class
    {"mse_loss", [](const Tensor& x) { return mse_loss(x, half(x), kEach); }},
    {"l1_loss", [](const Tensor& x) { return l1_loss(x, half(x), kEach); }},
    {"smooth_l1_loss", [](const Tensor& x) { return smooth_l1_loss(x, half(x), kEach); }},
    {"huber_loss, δ = 2", [](const Tensor& x) { return huber_loss(x, half(x), kEach, 2); }},
    {"hinge_loss", [](const Tensor& x) { return hinge_loss(x, ones_like(x), kEach); }},
    {"soft_margin_loss", [](const Tensor& x) { return soft_margin_loss(x, ones_like(x), kEach); }},
    {"binary_cross_entropy_with_logits",
     [](const Tensor& x) { return binary_cross_entropy_with_logits(x, half(x), {.reduction = kEach}); }},
    {"cross_entropy of [x, 0]",
     [](const Tensor& x) {
       const Tensor classes = zeros(x.shape(), {.dtype = int64});
       return cross_entropy(stack(std::vector<Tensor>{x, zeros_like(x)}, 1), classes, {.reduction = kEach});
     }},
    {"poisson_nll_loss", [](const Tensor& x) { return poisson_nll_loss(x, half(x), {.reduction = kEach}); }}};

// f(x), f'(x), f''(x), of each element by itself. Where nothing depends on x any more, the derivative is 0.
std::array<Tensor, 3> with_derivatives(const Function& f, const Tensor& at) {
  const Tensor x = at.detach().set_requires_grad();
  std::array<Tensor, 3> all{f(x)};
  for (std::size_t order = 1; order < all.size(); ++order) {
    all[order] = zeros_like(x);
    if (!all[order - 1].requires_grad()) continue;
    const auto found =
        grad(sum(all[order - 1]), std::vector<Tensor>{x}, {.create_graph = true, .allow_unused = true});
    if (found[0].defined()) all[order] = found[0];
  }
  return all;
}

void show(io::Report& report, const std::vector<Shown>& functions) {
  const Tensor line = linspace(-4, 4, 401, {.dtype = float64});
  const Tensor points = tensor({-3.0, -1.0, 0.0, 1.0, 3.0}, {.dtype = float64});
  std::vector<std::vector<std::string>> rows{{"", "x = -3", "-1", "0", "1", "3"}};
  for (const auto& [name, f] : functions) {
    std::vector<io::Series> curves;
    const auto values = with_derivatives(f, line), few = with_derivatives(f, points);
    for (std::size_t order = 0; order < values.size(); ++order) {
      const std::string mark = order == 0 ? "f" : order == 1 ? "f'" : "f''";
      curves.push_back({mark, line.to_vector<double>(), values[order].to_vector<double>()});
      rows.push_back({order == 0 ? name : mark});
      for (const double v : few[order].to_vector<double>()) rows.back().push_back(fmt::format("{:.6f}", v + 0.0));
    }
    report.chart(curves, {.title = name, .x_label = "x", .width = 380, .height = 260});
  }
  report.table(rows);
}

int look(const support::Options& options) {
  io::Report report("Activations and losses");
  report.section("Activations",
                 "At a kink the slope is that of the flat side, as autograd/functions/activation.h says of each.");
  show(report, kActivations);
  report.section("Losses", "Of an answer x, where 1/2 is right, or the class 1.");
  show(report, kLosses);

  std::vector<io::Series> few;
  const Tensor x = linspace(-4, 4, 401, {.dtype = float64});
  for (const std::size_t i : {0u, 1u, 3u, 4u, 9u, 12u})
    few.push_back({kActivations[i].name, x.to_vector<double>(), kActivations[i].f(x).to_vector<double>()});
  io::save_chart(options.out + "/activations.svg", few, {.title = "Activations", .x_label = "x"});
  report.save(options.out + "/report.html");

  // Far out, and in closed form.
  const Tensor far = tensor({1000.0, -1000.0}, {.dtype = float64});
  support::figure(options, "softplus(±1000) - exact", amax(abs(softplus(far) - relu(far))).item());
  support::figure(options, "log_softmax([10000, 0]) - exact",
                  amax(abs(log_softmax(tensor({1e4, 0.0}), 0) - tensor({0.0, -1e4}))).item());
  const Tensor logits = randn({8, 5}, {.dtype = float64, .requires_grad = true}), classes = randint(0, 5, {8});
  const Tensor y = one_hot(classes, 5).to(float64), p = softmax(logits.detach(), 1);
  support::figure(options, "cross_entropy's gradient - (p - y) / n",
                  amax(abs(grad(cross_entropy(logits, classes), logits) - (p - y) / 8.0)).item());
  support::figure(options, "mse_loss's gradient - 2 (x - y) / n",
                  amax(abs(grad(mse_loss(logits, y), logits) - 2.0 * (logits.detach() - y) / 40.0)).item());
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Shows activations, losses and their derivatives", {.out = "runs/activations"},
                      look);
}
