// CIFAR-10: small photographs of ten kinds of things (Krizhevsky: Learning Multiple Layers of Features from Tiny Images; 2009).
#pragma once

#include <string>
#include <vector>

#include "data/image_set.h"

namespace ebb::data {

struct Cifar10Options {
  bool train = true;  // the 50,000 training images, or the 10,000 test images
  std::vector<double> mean = {0.4914, 0.4822, 0.4465},
                      std = {0.2470, 0.2435, 0.2616};  // of the training set's pixels
};

// Reads the binary version (cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html, unpacked): data_batch_1.bin
// to data_batch_5.bin, or test_batch.bin, in `folder`, any number of records of a label and 3 x 32 x 32 bytes each. Images
// [n, 3, 32, 32]. Error if a file is missing or cut off, or if a label is not from 0 to 9.
ImageSet cifar10(const std::string& folder, const Cifar10Options& options = {});
std::vector<std::string> cifar10_classes();  // "airplane", "automobile", … "truck"

}  // namespace ebb::data
