// The chain rule: f(x) = A(B(C(x))) with A = sin, B = exp, C = square. Values flow forward; gradients ebb back.
#include <fstream>

#include "support.h"

using namespace ebb;

int show(const support::Options& options) {
  const Tensor x = tensor(0.7, {.dtype = float64, .requires_grad = true});
  const Tensor c = square(x), b = exp(c), a = sin(b);
  std::ofstream(options.out + "/gradient.svg") << graph_svg(a, std::vector<NamedTensor>{{"x", x}});

  // Forward, each link by itself: its local gradient is the derivative of its output in its input.
  struct Link {
    std::string name;
    Tensor input, output;
  };
  const std::vector<Link> links{{"c = x²", x, c}, {"b = exp(c)", c, b}, {"a = sin(b)", b, a}};
  fmt::print("{:12} {:>10} {:>15}\n", "link", "value", "local gradient");
  double product = 1;  // the chain rule: da/dx = da/db db/dc dc/dx
  for (const auto& [name, input, output] : links) {
    const double local = grad(output, input, {.retain_graph = true}).item();
    fmt::print("{:12} {:10.6f} {:15.6f}\n", name, output.item(), local);
    product *= local;
  }

  // Backward: hooks tell what arrives as the graph is walked from a to x.
  fmt::print("\n{:12} {:>15}\n", "backward", "total gradient");
  const auto tell = [](const char* name) {
    return [name](const Tensor& gradient) {
      fmt::print("da/d{:8} {:15.6f}\n", name, gradient.item());
      return Tensor();  // leaves it as it is
    };
  };
  a.register_hook(tell("a"));
  b.register_hook(tell("b"));
  c.register_hook(tell("c"));
  x.register_hook(tell("x"));
  a.backward();
  const double reverse = x.grad().item();

  // The same from front to back, as one function; and the gradient of the gradient.
  const auto f = [](const Tensor& t) { return sin(exp(square(t))); };
  const double forward = jvp(f, x.detach(), ones_like(x)).second.item();
  const double second = hessian(f, x.detach()).item();

  const double u = std::exp(0.7 * 0.7), slope = 2 * 0.7 * u;  // of the inner functions
  const double closed = std::cos(u) * slope;
  fmt::print("\nda/dx by reverse mode {:.17g}\n      by forward mode {:.17g}\n      in closed form  {:.17g}\n",
             reverse, forward, closed);
  support::figure(options, "reverse mode - closed form", std::abs(reverse - closed));
  support::figure(options, "reverse mode - product of local gradients", std::abs(reverse - product));
  support::figure(options, "reverse mode - forward mode", std::abs(reverse - forward));
  support::figure(options, "second derivative - closed form",
                  std::abs(second - (std::cos(u) * (2 * u + 1.4 * slope) - std::sin(u) * slope * slope)));
  fmt::print("picture of the graph: {}/gradient.svg\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "The chain rule, link by link", {.out = "runs/gradient"}, show);
}
