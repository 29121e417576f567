// LeNet-5 trained on MNIST for one epoch: what a user's file costs to compile, and what the program weighs.
#include <ebb.h>
using namespace ebb;

struct LeNet5 {
  nn::Conv2d conv1{.in = 1, .out = 6, .kernel = 5, .padding = 2};
  nn::Conv2d conv2{.in = 6, .out = 16, .kernel = 5};
  nn::Linear fc1{400, 120}, fc2{120, 84}, fc3{84, 10};
  Tensor operator()(Tensor x) const {
    x = max_pool2d(relu(conv1(x)), 2);
    x = max_pool2d(relu(conv2(x)), 2);
    return fc3(relu(fc2(relu(fc1(flatten(x, 1))))));
  }
};

int main(int, char** arguments) {
  const auto train_set = data::mnist(arguments[1]);
  LeNet5 net;
  optim::Adam adam(parameters(net));
  for (const auto& [images, labels] : data::DataLoader(train_set, {.batch_size = 64, .shuffle = true})) {
    adam.zero_grad();
    cross_entropy(net(images), labels).backward();
    adam.step();
  }
  io::save("lenet5.safetensors", state(net));
}
