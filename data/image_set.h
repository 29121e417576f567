// Labelled images in memory: what MNIST, CIFAR-10 and their like are once they are read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::data {

struct ImageSetOptions {
  std::vector<double> mean = {0}, std = {1};  // of the pixels / largest: one for each channel, or one for all
  double largest = 255;                       // what a white pixel is stored as
  std::int64_t num_classes = 10;              // labels are from 0 to num_classes - 1
};

// A dataset for DataLoader. Copies share the images.
class ImageSet {
 public:
  // images [n, c, h, w] uint8, labels [n] int64; `name` begins the messages of its Errors.
  ImageSet(std::string name, Tensor images, Tensor labels, const ImageSetOptions& options = {});

  struct Batch {
    Tensor images;  // [k, c, h, w] float32: (pixel / largest - mean) / std
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
  std::string name_;
  Tensor images_, labels_;
  std::vector<float> normalised_;  // of each channel's pixel values: 256 for each
};

}  // namespace ebb::data
