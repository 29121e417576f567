// MNIST, the handwritten digits of LeCun, Cortes and Burges, and sets of the same format, such as
// Fashion-MNIST.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/image_set.h"

namespace ebb::data {

struct MnistOptions {
  bool train = true;              // the 60,000 training images, or the 10,000 test images
  double mean = 0.1307;           // of the training set's pixels
  double std = 0.3081;            // of the same
  std::int64_t num_classes = 10;  // labels are from 0 to num_classes - 1
};

using Mnist = ImageSet;  // images [n, 1, 28, 28]

// Reads {train,t10k}-images-idx3-ubyte and -labels-idx1-ubyte, with or without .gz, from `folder`. Error if
// one is missing or damaged, if their numbers differ, or if a label is not a class.
//
//   auto train = data::mnist("data/mnist");
//   auto test = data::mnist("data/mnist", {.train = false});
Mnist mnist(const std::string& folder, const MnistOptions& options = {});

// Ten kinds of clothes in files of the same names, with mean 0.2860 and std 0.3530 (Xiao, Rasul, Vollgraf: Fashion-MNIST: a
// Novel Image Dataset for Benchmarking Machine Learning Algorithms; 2017). Debian's package dataset-fashion-mnist puts them
// into the folder that is taken by default.
Mnist fashion_mnist(const std::string& folder = "/usr/share/datasets/fashion-mnist",
                    const MnistOptions& options = {.mean = 0.2860, .std = 0.3530});
std::vector<std::string> fashion_mnist_classes();  // "T-shirt", "trouser", … "boot"

}  // namespace ebb::data
