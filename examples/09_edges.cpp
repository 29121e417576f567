// Edges are convolutions: the kernels of Sobel (1968), Prewitt (1970) and Laplace on a drawing and on digits; pooling, which
// makes pictures small and keeps their edges; and a kernel that is not designed but learnt.
#include "support.h"

using namespace ebb;

// Derivatives along rows, smoothed along columns, and the other way around; and the sum of the second derivatives.
Tensor edge_kernels() {
  return tensor({{{-1.0, 0.0, 1.0}, {-2.0, 0.0, 2.0}, {-1.0, 0.0, 1.0}},
                 {{-1.0, -2.0, -1.0}, {0.0, 0.0, 0.0}, {1.0, 2.0, 1.0}},
                 {{-1.0, 0.0, 1.0}, {-1.0, 0.0, 1.0}, {-1.0, 0.0, 1.0}},
                 {{-1.0, -1.0, -1.0}, {0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}},
                 {{0.0, 1.0, 0.0}, {1.0, -4.0, 1.0}, {0.0, 1.0, 0.0}}});
}
const std::vector<std::string> kNames{"Sobel →", "Sobel ↓", "Prewitt →", "Prewitt ↓", "Laplace"};

Tensor edges(const Tensor& x) { return conv2d(x, unsqueeze(edge_kernels(), 1), {}, {.padding = Padding::same}); }
// How steep the picture is, by Sobel's two derivatives. [n, 1, h, w]
Tensor steepness(const Tensor& x) { return norm(narrow(edges(x), 1, 0, 2), 2, {1}, true); }

// A ring in front of a square, and a light that fades. [1, 1, size, size]
Tensor drawing(std::int64_t size) {
  const auto at = meshgrid(std::vector<Tensor>{linspace(-1, 1, size), linspace(-1, 1, size)});
  const Tensor radius = sqrt(square(at[0] - 0.2) + square(at[1] - 0.2));
  const Tensor ring = logical_and(radius<0.6, radius> 0.35);
  const Tensor box = maximum(abs(at[0] + 0.3), abs(at[1] + 0.3)) < 0.45;
  return reshape(where(ring, tensor(1.0), where(box, tensor(0.65), 0.15 + 0.1 * (at[0] + at[1]))),
                 {1, 1, size, size});
}

// On a step from 0 to 1 the answers are whole numbers: 4, 3 and ±1 beside the step, 0 elsewhere.
double deviation_on_a_step() {
  const std::int64_t n = 8;
  const Tensor step = reshape((arange(n) > 3.0).to(float32), {1, 1, 1, n}) * ones({1, 1, n, 1});
  const Tensor inside = edges(step).at(0, Slice(), Slice(1, n - 1), Slice(1, n - 1));  // away from the border
  const Tensor beside = tensor({{0.0, 0.0, 4.0, 4.0, 0.0, 0.0},
                                {0.0, 0.0, 0.0, 0.0, 0.0, 0.0},
                                {0.0, 0.0, 3.0, 3.0, 0.0, 0.0},
                                {0.0, 0.0, 0.0, 0.0, 0.0, 0.0},
                                {0.0, 0.0, 1.0, -1.0, 0.0, 0.0}});
  return amax(abs(inside - unsqueeze(beside, 1))).item();
}

// From digits and their differences of neighbours, x[j] - x[j + 1], the kernel [1, -1].
Tensor learn_kernel(const data::Mnist& digits, std::uint64_t seed) {
  nn::Conv2d conv{.in = 1, .out = 1, .kernel = {1, 2}, .with_bias = false};
  optim::Adam adam(parameters(conv), {.lr = 0.05});
  data::DataLoader loader(digits, {.batch_size = 32, .shuffle = true, .seed = seed});
  io::Progress progress("learning a kernel", loader.size(), {.unit = "digits"});
  for (const auto& [x, labels] : loader) {
    const Tensor wanted = narrow(x, 3, 0, 27) - narrow(x, 3, 1, 27);
    adam.zero_grad();
    const Tensor loss = mse_loss(conv(x), wanted);
    loss.backward();
    adam.step();
    progress.step(labels.numel(), fmt::format("loss {:.2g}", loss.item()));
  }
  progress.finish(
      fmt::format("kernel [{:.5f}, {:.5f}]", conv.weight[0][0][0][0].item(), conv.weight[0][0][0][1].item()));
  return flatten(conv.weight.detach());
}

int look(const support::Options& options) {
  const data::Mnist digits = data::mnist(options.data, {.train = false});
  io::Report report("Edges");
  const Tensor picture = drawing(128), found = edges(picture);

  report.section("Kernels", "Blue is negative, white 0, red positive.");
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const auto k = static_cast<std::int64_t>(i);
    report.picture(io::to_signed_image(edge_kernels()[k], 4), 60, kNames[i]);
  }
  report.section("A drawing, and what they find in it");
  report.picture(io::to_image(picture[0]), 160, "drawing");
  for (std::size_t i = 0; i < kNames.size(); ++i)
    report.picture(io::to_signed_image(found[0][static_cast<std::int64_t>(i)], 3), 160, kNames[i]);

  report.section("Pooling", "The steepness, and the largest of each 2x2, again and again: the edges stay.");
  Tensor small = steepness(picture) / 4.0;
  for (std::int64_t size = 128; size >= 16; size /= 2, small = max_pool2d(small, 2))
    report.picture(io::to_image(small[0]), 160, fmt::format("{0}x{0}", size));

  report.section("Digits", "Each above its steepness, and that pooled.");
  const Tensor some = digits.images().at(Slice(0, 12)).to(float32) / 255.0, steep = steepness(some) / 4.0;
  const Tensor pooled = interpolate(max_pool2d(steep, 2), {.size = Dims{28, 28}});
  const io::Image grid = io::to_grid(cat(std::vector<Tensor>{some, steep, pooled}), 12);
  report.picture(grid, 700);
  io::save_png(options.out + "/edges.png", grid);

  const Tensor kernel = learn_kernel(digits, options.seed);
  report.section("A kernel that was learnt");
  report.text(fmt::format("[{:.6f}, {:.6f}], from digits and the differences of neighbours in them",
                          kernel[0].item(), kernel[1].item()));
  report.save(options.out + "/report.html");

  support::figure(options, "deviation from whole numbers on a step", deviation_on_a_step());
  support::figure(options, "learnt kernel - [1, -1]", amax(abs(kernel - tensor({1.0, -1.0}))).item());
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Finds edges, and learns to", {.out = "runs/edges"}, look);
}
