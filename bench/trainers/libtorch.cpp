// The program of ebb.cpp in PyTorch's C++ interface.
#include <torch/torch.h>

struct LeNet5 : torch::nn::Module {
  LeNet5() {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("fc1", fc1);
    register_module("fc2", fc2);
    register_module("fc3", fc3);
  }
  torch::Tensor forward(torch::Tensor x) {
    x = torch::max_pool2d(torch::relu(conv1(x)), 2);
    x = torch::max_pool2d(torch::relu(conv2(x)), 2);
    return fc3(torch::relu(fc2(torch::relu(fc1(torch::flatten(x, 1))))));
  }
  torch::nn::Conv2d conv1{torch::nn::Conv2dOptions(1, 6, 5).padding(2)}, conv2{torch::nn::Conv2dOptions(6, 16, 5)};
  torch::nn::Linear fc1{400, 120}, fc2{120, 84}, fc3{84, 10};
};

int main(int, char** arguments) {
  auto train_set = torch::data::datasets::MNIST(arguments[1])
                       .map(torch::data::transforms::Normalize<>(0.1307, 0.3081))
                       .map(torch::data::transforms::Stack<>());
  const auto net = std::make_shared<LeNet5>();
  torch::optim::Adam adam(net->parameters());
  for (auto& batch : *torch::data::make_data_loader(std::move(train_set), 64)) {
    adam.zero_grad();
    torch::nn::functional::cross_entropy(net->forward(batch.data), batch.target).backward();
    adam.step();
  }
  torch::save(net, "lenet5.pt");
}
