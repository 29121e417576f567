// Residual networks of 6n + 2 layers for small images, and plain ones of the same layers (He, Zhang, Ren, Sun: Deep Residual
// Learning for Image Recognition; CVPR 2016, §4.2).
#pragma once

#include <ebb.h>

#include <array>
#include <cstdint>
#include <vector>

// Two convolutions whose result is added to the input.
struct Block {
  ebb::nn::Conv2d conv1;
  ebb::nn::BatchNorm2d bn1;
  ebb::nn::Conv2d conv2;
  ebb::nn::BatchNorm2d bn2;
  bool residual = true;

  // The input itself; where the block halves the image every other pixel of it, with zeros in the channels that are new:
  // option A of §4.1, without parameters.
  ebb::Tensor shortcut(const ebb::Tensor& x) const {
    if (conv1.in == conv1.out) return x;
    const ebb::Slice every_other({}, {}, 2);
    return pad(x.at(ebb::ellipsis, every_other, every_other), {0, 0, 0, 0, 0, conv1.out - conv1.in});
  }
  ebb::Tensor operator()(const ebb::Tensor& x) const {
    const ebb::Tensor y = bn2(conv2(relu(bn1(conv1(x)))));
    return relu(residual ? y + shortcut(x) : y);
  }
};

struct ResNet {
  ebb::nn::Conv2d conv;
  ebb::nn::BatchNorm2d bn;
  std::vector<Block> blocks;
  ebb::nn::Linear fc;

  ebb::Tensor operator()(const ebb::Tensor& images) const {
    ebb::Tensor x = relu(bn(conv(images)));
    for (const Block& block : blocks) x = block(x);
    return fc(mean(x, {2, 3}));
  }
};

// Three stages of n blocks each, of these widths. Weights start as in He et al. 2015: normal, with variance 2 / fan-out.
inline ResNet resnet(int n, bool residual = true, const std::array<std::int64_t, 3>& widths = {16, 32, 64},
                     std::int64_t channels = 1, std::int64_t classes = 10) {
  const auto conv3x3 = [](std::int64_t in, std::int64_t out, std::int64_t stride) {
    ebb::nn::Conv2d conv{.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .with_bias = false};
    ebb::nn::init::kaiming_normal_(conv.weight, {.fan = ebb::nn::init::Fan::out});
    return conv;
  };
  ResNet net{conv3x3(channels, widths[0], 1), {widths[0]}, {}, {widths[2], classes}};
  std::int64_t in = widths[0];
  for (const std::int64_t out : widths)
    for (int i = 0; i < n; ++i) {
      net.blocks.push_back({conv3x3(in, out, in == out ? 1 : 2), {out}, conv3x3(out, out, 1), {out}, residual});
      in = out;
    }
  return net;
}
