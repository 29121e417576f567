// The benchmarks of ebb_bench in LibTorch, PyTorch's C++ interface. Built by build-libtorch; takes and prints what
// common.py says.
#include <sys/resource.h>
#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "bench/fill.h"

using namespace torch;
using namespace ebb::bench;
using std::int64_t;

namespace {

std::string separator;
std::regex wanted;

struct Work {
  std::function<void()> run;
  double loss = -1;  // none
  double items = 1;
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

long faults() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return use.ru_minflt;
}

// measure() of common.py.
void measure(const std::string& name, const Work& work) {
  work.run();
  double begin = now(), taken = 0, done = 0;
  work.run();
  const double second = now() - begin;
  if (second > 3) {
    std::printf("%s\"%s\": {\"seconds\": %.9g}", separator.c_str(), name.c_str(), second / work.items);
    separator = ", ";
    return;
  }
  for (begin = now(); now() - begin < 0.05;) work.run();
  const long before = faults();
  int calls = 1;
  for (begin = now(); (taken = now() - begin) < 0.15; calls = std::min(2 * calls, 1024), done += calls / 2)
    for (int i = 0; i < calls; ++i) work.run();
  std::printf("%s\"%s\": {\"seconds\": %.9g, \"faults\": %.6g", separator.c_str(), name.c_str(),
              taken / done / work.items, static_cast<double>(faults() - before) / done);
  if (work.loss != -1) std::printf(", \"loss\": %.9g", work.loss);
  std::printf("}");
  separator = ", ";
}

void add(const std::string& name, const std::function<Work()>& make) {
  if (std::regex_search(name, wanted)) measure(name, make());
}

Tensor filled(IntArrayRef shape, std::uint64_t seed, double low = 0, double high = 1, Dtype dtype = kFloat) {
  auto x = torch::empty(shape, dtype);
  if (dtype == kDouble) fill(x.data_ptr<double>(), x.numel(), seed, low, high);
  else fill(x.data_ptr<float>(), x.numel(), seed, low, high);
  return x;
}

void fill_parameters(nn::Module& net) {
  NoGradGuard off;
  std::uint64_t seed = 0;
  for (auto& item : net.named_parameters()) {
    auto& p = item.value();
    const double bound = 1 / std::sqrt(static_cast<double>(p.numel() / p.size(0)));
    if (p.dim() >= 2) p.copy_(filled(p.sizes(), seed, -bound, bound));
    else p.fill_(item.key().find("bias") == std::string::npos ? 1 : 0);
    ++seed;
  }
}

// -- networks

nn::Conv2dOptions kernel(int64_t in, int64_t out, int64_t size, int64_t stride = 1) {
  return nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2).bias(false);
}

struct ResidualImpl : nn::Module {
  ResidualImpl(int64_t in, int64_t out, int64_t stride)
      : conv1(kernel(in, out, 3, stride)), conv2(kernel(out, out, 3)), bn1(out), bn2(out) {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    register_module("conv2", conv2);
    register_module("bn2", bn2);
    if (stride != 1) {
      downsample = nn::Sequential(nn::Conv2d(kernel(in, out, 1, stride)), nn::BatchNorm2d(out));
      register_module("downsample", downsample);
    }
  }
  Tensor forward(const Tensor& x) {
    return relu(bn2(conv2(relu(bn1(conv1(x))))) + (downsample.is_empty() ? x : downsample->forward(x)));
  }
  nn::Conv2d conv1, conv2;
  nn::BatchNorm2d bn1, bn2;
  nn::Sequential downsample{nullptr};
};
TORCH_MODULE(Residual);

struct LstmImpl : nn::Module {
  LstmImpl() { register_module("lstm", lstm); }
  Tensor forward(const Tensor& x) { return std::get<0>(lstm(x)).select(1, -1); }
  nn::LSTM lstm{nn::LSTMOptions(64, 128).batch_first(true)};
};
TORCH_MODULE(Lstm);

struct TransformerImpl : nn::Module {
  explicit TransformerImpl(double dropout)
      : layer(
            nn::TransformerEncoderLayerOptions(256, 4).dim_feedforward(1024).dropout(dropout).activation(kGELU)) {
    register_module("layer", layer);
  }
  Tensor forward(const Tensor& x) { return layer(x.transpose(0, 1)).mean(0); }
  nn::TransformerEncoderLayer layer;
};
TORCH_MODULE(Transformer);

using Net = nn::Sequential;

Net tiny() { return Net(nn::Linear(4, 16), nn::ReLU(), nn::Linear(16, 16), nn::ReLU(), nn::Linear(16, 1)); }
Net mlp() { return Net(nn::Linear(784, 128), nn::ReLU(), nn::Linear(128, 10)); }
Net lenet5() {
  return Net(nn::Conv2d(nn::Conv2dOptions(1, 6, 5).padding(2)), nn::ReLU(), nn::MaxPool2d(2), nn::Conv2d(6, 16, 5),
             nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(), nn::Linear(400, 120), nn::ReLU(), nn::Linear(120, 84),
             nn::ReLU(), nn::Linear(84, 10));
}
Net lstm() { return Net(Lstm(), nn::Linear(128, 10)); }
Net resnet() {
  return Net(nn::Conv2d(kernel(3, 64, 3)), nn::BatchNorm2d(64), nn::ReLU(), Residual(64, 64, 1),
             Residual(64, 128, 2), Residual(128, 256, 2), nn::AdaptiveAvgPool2d(1), nn::Flatten(),
             nn::Linear(256, 10));
}
Net transformer(double dropout = 0) { return Net(Transformer(dropout), nn::Linear(256, 10)); }

// -- training, prediction, updates

template <class Optimizer, class Options>
Work step(Net net, IntArrayRef shape, const Options& options, bool regression = false) {
  fill_parameters(*net);
  const auto x = filled(shape, kInputSeed);
  auto target = regression ? filled({shape[0], 1}, kTargetSeed) : torch::empty({shape[0]}, kLong);
  if (!regression) fill_labels(target.data_ptr<int64_t>(), shape[0], kTargetSeed, 10);
  auto optimizer = std::make_shared<Optimizer>(net->parameters(), options);
  const auto run = [=]() mutable {
    optimizer->zero_grad();
    const auto y = net->forward(x);
    auto loss = regression ? mse_loss(y, target) : cross_entropy_loss(y, target);
    loss.backward();
    optimizer->step();
    return loss;
  };
  auto again = run;
  double loss = 0;
  for (int i = 0; i < 20; ++i) loss = again().template item<double>();
  return {[again]() mutable { again(); }, loss};
}

Work adam_step(Net net, IntArrayRef shape) { return step<optim::Adam>(net, shape, optim::AdamOptions(1e-3)); }

Work prediction(Net net, IntArrayRef shape) {
  fill_parameters(*net);
  net->eval();
  const auto run = [net, x = filled(shape, kInputSeed)]() mutable {
    NoGradGuard off;
    return net->forward(x);
  };
  auto again = run;
  return {[again]() mutable { again(); }, again().abs().sum().item<double>()};
}

template <class Optimizer, class Options>
Work update(const Options& options) {
  std::vector<Tensor> parameters;
  for (int i = 0; i < 160; ++i) {
    parameters.push_back(torch::rand({250, 250}).requires_grad_());
    parameters.back().mutable_grad() = torch::rand({250, 250});
  }
  auto optimizer = std::make_shared<Optimizer>(parameters, options);
  return {[=] { optimizer->step(); }};
}

// -- gradients

using Function = std::pair<std::vector<Tensor>, std::function<Tensor()>>;

Function mixture(int64_t d, int64_t k) {
  const auto points = filled({1, d, 1000}, 0, 0, 1, kDouble), alpha = filled({k}, 1, -1, 1, kDouble),
             means = filled({k, d, 1}, 2, 0, 1, kDouble), q = filled({k, d}, 3, -1, 1, kDouble),
             lower = filled({k, d, d}, 4, -1, 1, kDouble), eye = torch::eye(d, kDouble),
             below = torch::ones({d, d}, kDouble).tril(-1);
  return {{alpha, means, q, lower}, [=] {
            const auto scale = q.exp(), strict = lower * below;
            const auto squares = (scale.unsqueeze(2) * eye + strict).matmul(points - means).square().sum(1);
            const auto terms = (alpha + q.sum(1)).unsqueeze(1) - 0.5 * squares;
            const auto prior = 0.5 * (scale.square().sum() + strict.square().sum());
            return terms.logsumexp(0).sum() - 1000 * alpha.logsumexp(0) + prior;
          }};
}

Function log_sum_exp(int64_t n) {
  const auto x = filled({n}, 0, -1, 1, kDouble);
  return {{x}, [x] { return x.logsumexp(0); }};
}

Work primal(const Function& f) {
  const auto run = [f] {
    NoGradGuard off;
    return f.second();
  };
  return {run, run().item<double>()};
}

Work derivative(const Function& f) {
  for (auto x : f.first) x.requires_grad_();
  const auto run = [f] { return autograd::grad({f.second()}, f.first); };
  double total = 0;
  for (const auto& g : run()) total += g.abs().sum().item<double>();
  return {run, total};
}

void add_gradients(const std::string& name, const std::function<Function()>& make) {
  add("gradient/" + name + "/primal", [&] { return primal(make()); });
  add("gradient/" + name + "/derivative", [&] { return derivative(make()); });
}

// -- single operations, chains of them

using Step = std::function<Tensor(const Tensor&, const Tensor&)>;

Work chain(IntArrayRef shape, const Step& op, bool backward) {
  const auto x = torch::rand(shape).requires_grad_(backward), w = torch::rand(shape).requires_grad_(backward);
  const auto run = [=, seed = torch::ones(shape)] {
    AutoGradMode mode(backward);
    auto y = x;
    for (int i = 0; i < 1000; ++i) y = op(y, w);
    if (backward) y.backward(seed);
  };
  return {run, -1, 1000};
}

void add_overheads() {
  const std::vector<std::tuple<std::string, std::vector<int64_t>, Step>> ops{
      {"add", {1}, [](const Tensor& y, const Tensor& w) { return y + w; }},
      {"relu", {1}, [](const Tensor& y, const Tensor&) { return relu(y); }},
      {"matmul", {4, 4}, [](const Tensor& y, const Tensor& w) { return torch::matmul(y, w); }},
      {"linear", {4, 4}, [](const Tensor& y, const Tensor& w) { return torch::linear(y, w); }}};
  for (const auto& [name, shape, op] : ops) {
    add("overhead/" + name + "/forward", [&, &shape = shape, &op = op] { return chain(shape, op, false); });
    add("overhead/" + name + "/backward", [&, &shape = shape, &op = op] { return chain(shape, op, true); });
  }
}

void add_growth(const std::string& name, const std::vector<int64_t>& sizes,
                const std::function<std::vector<int64_t>(int64_t)>& shape,
                const std::function<Tensor(const Tensor&, int64_t)>& build) {
  for (const auto n : sizes)
    add("growth/" + name + "/" + std::to_string(n), [&]() -> Work {
      const auto x = torch::ones(shape(n)).requires_grad_();
      return {[=] { build(x, n).backward(); }, -1, static_cast<double>(n)};
    });
}

void add_products() {
  for (const int64_t n : {32, 64, 128, 256, 512, 1024, 2048})
    for (const std::string which : {"nn", "nt", "tn", "tt"})
      add("gemm/" + which + "/" + std::to_string(n), [&]() -> Work {
        auto a = torch::rand({n, n}), b = torch::rand({n, n});
        if (which[0] == 't') a = a.t();
        if (which[1] == 't') b = b.t();
        return {[=] { torch::mm(a, b); }};
      });
  for (const int64_t batch : {1, 16, 64, 256})
    for (const int64_t width : {128, 512, 1024})
      add("linear/" + std::to_string(batch) + "x" + std::to_string(width), [&]() -> Work {
        const auto x = torch::rand({batch, width}), w = torch::rand({width, width}), b = torch::rand({width});
        return {[=] { torch::linear(x, w, b); }};
      });
}

void add_elements(const std::string& name, const std::function<Tensor(const Tensor&)>& f) {
  for (const int64_t n : {32, 320, 2048})
    add("elements/" + name + "/" + std::to_string(n * n), [&]() -> Work {
      return {[f, x = torch::rand({n, n})] { f(x); }};
    });
}

void run_all() {
  for (const int64_t batch : {1, 32})
    add("step/tiny/" + std::to_string(batch), [&] {
      return step<optim::SGD>(tiny(), {batch, 4}, optim::SGDOptions(0.01), true);
    });
  add("step/mlp", [] { return adam_step(mlp(), {64, 784}); });
  add("step/lenet5", [] { return adam_step(lenet5(), {64, 1, 28, 28}); });
  add("step/lstm", [] { return adam_step(lstm(), {32, 32, 64}); });
  add("step/resnet", [] {
    return step<optim::SGD>(resnet(), {32, 3, 32, 32}, optim::SGDOptions(0.01).momentum(0.9));
  });
  add("step/transformer", [] { return adam_step(transformer(), {8, 64, 256}); });
  add("step/transformer_dropout", [] { return adam_step(transformer(0.1), {8, 64, 256}); });
  add("infer/mlp", [] { return prediction(mlp(), {1, 784}); });
  add("infer/lenet5", [] { return prediction(lenet5(), {1, 1, 28, 28}); });
  add("infer/transformer", [] { return prediction(transformer(), {1, 64, 256}); });
  add("update/adam", [] { return update<optim::Adam>(optim::AdamOptions(1e-3)); });
  add("update/sgd", [] { return update<optim::SGD>(optim::SGDOptions(1e-3).momentum(0.9)); });
  add_gradients("mixture/d10k25", [] { return mixture(10, 25); });
  add_gradients("mixture/d64k100", [] { return mixture(64, 100); });
  for (const int64_t n : {2'500, 20'000, 160'000, 1'280'000})
    add_gradients("logsumexp/" + std::to_string(n), [=] { return log_sum_exp(n); });
  add_overheads();
  using Sizes = std::vector<int64_t>;
  const auto one = [](int64_t) { return Sizes{1}; };
  add_growth("chain", {1'000, 10'000, 100'000, 1'000'000}, one, [](const Tensor& x, int64_t n) {
    auto y = x;
    for (int64_t i = 0; i < n; ++i) y = y * x;
    return y;
  });
  const auto vector = [](int64_t n) { return Sizes{n}; };
  add_growth("read", {100, 1'000, 10'000, 100'000}, vector, [](const Tensor& x, int64_t n) {
    std::vector<Tensor> elements;
    for (int64_t i = 0; i < n; ++i) elements.push_back(x[i]);
    return torch::stack(elements).sum();
  });
  add_growth("shared", {100, 1'000, 10'000}, one, [](const Tensor& x, int64_t n) {
    const auto node = x * 2;
    auto y = node;
    for (int64_t i = 0; i < n; ++i) y = y + node;
    return y;
  });
  const auto sequence = [](int64_t n) { return Sizes{n, 4, 64}; };
  add_growth(
      "lstm", {32, 128, 512, 2048}, sequence,
      [layer = nn::LSTM(64, 128)](const Tensor& x, int64_t) mutable { return std::get<0>(layer(x)).sum(); });
  add_products();
  add_elements("exp", [](const Tensor& x) { return x.exp(); });
  add_elements("tanh", [](const Tensor& x) { return x.tanh(); });
  add_elements("sigmoid", [](const Tensor& x) { return x.sigmoid(); });
  add_elements("gelu", [](const Tensor& x) { return gelu(x); });
  add_elements("softmax", [](const Tensor& x) { return x.softmax(1); });
  add_elements("layer_norm", [](const Tensor& x) { return layer_norm(x, {x.size(1)}); });
  add_elements("sum", [](const Tensor& x) { return x.sum(); });
  add_elements("transpose", [](const Tensor& x) { return x.t().contiguous(); });
}

}  // namespace

int main(int count, char** arguments) {
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string option = arguments[i];
    if (option == "--threads") torch::set_num_threads(std::stoi(arguments[i + 1]));
    if (option == "--filter") wanted = arguments[i + 1];
  }
  std::printf("{\"version\": \"%s\", \"results\": {", TORCH_VERSION);
  run_all();
  std::printf("}}\n");
}
