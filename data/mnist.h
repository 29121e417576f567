// MNIST, the handwritten digits of LeCun, Cortes and Burges, and sets of the same format, such as
// Fashion-MNIST.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "autograd/tensor.h"

namespace ebb::data {

struct MnistOptions {
  bool train = true;              // the 60,000 training images, or the 10,000 test images
  double mean = 0.1307;           // of the training set's pixels; Fashion-MNIST: 0.2860
  double std = 0.3081;            //                               Fashion-MNIST: 0.3530
  std::int64_t num_classes = 10;  // labels are from 0 to num_classes - 1
};

// A dataset for DataLoader. Copies share the images.
class Mnist {
 public:
  // images [n, 1, h, w] uint8, labels [n] int64.
  Mnist(Tensor images, Tensor labels, const MnistOptions& options = {});

  struct Batch {
    Tensor images;  // [k, 1, h, w] float32: (pixel / 255 - mean) / std
    Tensor labels;  // [k] int64
  };
  Batch batch(std::span<const std::int64_t> indices) const;
  // The examples from `first` to before `last`, in the order of the file.
  Batch range(std::int64_t first, std::int64_t last) const;
  Batch all() const { return range(0, size()); }

  std::int64_t size() const { return labels_.numel(); }
  // As they are in the file.
  const Tensor& images() const { return images_; }
  const Tensor& labels() const { return labels_; }

 private:
  Tensor images_, labels_;
  std::array<float, 256> normalised_;  // of each pixel value
};

// Reads {train,t10k}-images-idx3-ubyte and -labels-idx1-ubyte, with or without .gz, from `folder`. Error if
// one is missing or damaged, if their numbers differ, or if a label is not a class.
//
//   auto train = data::mnist("data/mnist");
//   auto test = data::mnist("data/mnist", {.train = false});
Mnist mnist(const std::string& folder, const MnistOptions& options = {});

}  // namespace ebb::data
