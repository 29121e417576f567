#include "data/mnist.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <utility>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/ops.h"
#include "data/idx.h"

namespace ebb::data {
namespace {

std::string find(const std::string& folder, const std::string& name) {
  const auto plain = std::filesystem::path(folder) / name;
  auto packed = plain;
  packed += ".gz";
  std::error_code ignored;
  for (const auto& path : {plain, packed})
    if (std::filesystem::exists(path, ignored)) return path.string();
  fail("mnist: neither {} nor {}.gz is in {}; give the folder that holds them", name, name, folder);
}

Tensor read(const std::string& folder, const std::string& name, int rank) {
  const auto path = find(folder, name);
  Tensor x = read_idx(path);
  if (x.dtype() != uint8 || x.dim() != rank)
    fail("mnist: {}: holds {}; uint8 of {} dimensions was expected", path, describe(x), rank);
  return x;
}

void check_labels(const Tensor& labels, std::int64_t num_classes) {
  const auto* label = labels.data<const std::int64_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    if (label[i] < 0 || label[i] >= num_classes)
      fail("mnist: label {} of image {} is not from 0 to {}", label[i], i, num_classes - 1);
}

}  // namespace

Mnist::Mnist(Tensor images, Tensor labels, const MnistOptions& options)
    : images_(std::move(images)), labels_(std::move(labels)) {
  if (images_.dtype() != uint8 || images_.dim() != 4 || labels_.dtype() != int64 || labels_.dim() != 1)
    fail("mnist: images {} and labels {}; uint8 [n, 1, h, w] and int64 [n] were expected", describe(images_),
         describe(labels_));
  if (images_.shape()[0] != labels_.shape()[0])
    fail("mnist: {} images, but {} labels", images_.shape()[0], labels_.shape()[0]);
  if (!(options.std > 0)) fail("mnist: std is {}; it must be positive", options.std);
  images_ = images_.contiguous();
  labels_ = labels_.contiguous();
  check_labels(labels_, options.num_classes);
  for (std::size_t pixel = 0; pixel < normalised_.size(); ++pixel)
    normalised_[pixel] = static_cast<float>((static_cast<double>(pixel) / 255 - options.mean) / options.std);
}

Mnist::Batch Mnist::batch(std::span<const std::int64_t> indices) const {
  const auto k = static_cast<std::int64_t>(indices.size());
  for (const auto i : indices)
    if (i < 0 || i >= size()) fail("mnist: there is no image {} among {}", i, size());
  Batch result{empty(images_.shape().with(0, k), float32), empty({k}, int64)};
  const std::int64_t pixels = images_.numel() / std::max<std::int64_t>(size(), 1);
  const auto* from = images_.data<const std::uint8_t>();
  const auto* label = labels_.data<const std::int64_t>();
  auto* to = result.images.data<float>();
  auto* label_to = result.labels.data<std::int64_t>();
  parallel_for(k, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t i = indices[static_cast<std::size_t>(row)];
      for (std::int64_t p = 0; p < pixels; ++p) to[row * pixels + p] = normalised_[from[i * pixels + p]];
      label_to[row] = label[i];
    }
  });
  return result;
}

Mnist::Batch Mnist::range(std::int64_t first, std::int64_t last) const {
  if (first < 0 || last < first || last > size())
    fail("mnist: there are no images from {} to before {} among {}", first, last, size());
  std::vector<std::int64_t> indices(static_cast<std::size_t>(last - first));
  std::iota(indices.begin(), indices.end(), first);
  return batch(indices);
}

Mnist mnist(const std::string& folder, const MnistOptions& options) {
  const std::string part = options.train ? "train" : "t10k";
  const Tensor images = read(folder, part + "-images-idx3-ubyte", 3);
  const Tensor labels = read(folder, part + "-labels-idx1-ubyte", 1);
  return Mnist(unsqueeze(images, 1), labels.to(int64), options);
}

}  // namespace ebb::data
