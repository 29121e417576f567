#include "data/image_set.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/ops.h"

namespace ebb::data {
namespace {

constexpr std::size_t kValues = 256;

void check_labels(const std::string& name, const Tensor& labels, std::int64_t num_classes) {
  const auto* label = labels.data<const std::int64_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    if (label[i] < 0 || label[i] >= num_classes)
      fail("{}: label {} of image {} is not from 0 to {}", name, label[i], i, num_classes - 1);
}

void check_statistics(const std::string& name, const ImageSetOptions& options, std::size_t channels) {
  for (const auto& [what, values] : {std::pair("mean", &options.mean), std::pair("std", &options.std)})
    if (values->size() != 1 && values->size() != channels)
      fail("{}: {} has {} numbers, and the images {} channels; give one for each, or one for all", name, what,
           values->size(), channels);
  for (const double std : options.std)
    if (!(std > 0)) fail("{}: std is {}; it must be positive", name, std);
  if (!(options.largest > 0)) fail("{}: largest is {}; it must be positive", name, options.largest);
}

}  // namespace

ImageSet::ImageSet(std::string name, Tensor images, Tensor labels, const ImageSetOptions& options)
    : name_(std::move(name)), images_(std::move(images)), labels_(std::move(labels)) {
  if (images_.dtype() != uint8 || images_.dim() != 4 || labels_.dtype() != int64 || labels_.dim() != 1)
    fail("{}: images {} and labels {}; uint8 [n, c, h, w] and int64 [n] were expected", name_, describe(images_),
         describe(labels_));
  if (images_.shape()[0] != labels_.shape()[0])
    fail("{}: {} images, but {} labels", name_, images_.shape()[0], labels_.shape()[0]);
  const auto channels = static_cast<std::size_t>(images_.shape()[1]);
  check_statistics(name_, options, channels);
  images_ = images_.contiguous();
  labels_ = labels_.contiguous();
  check_labels(name_, labels_, options.num_classes);
  const auto of = [](const std::vector<double>& values, std::size_t channel) {
    return values[values.size() == 1 ? 0 : channel];
  };
  for (std::size_t channel = 0; channel < channels; ++channel)
    for (std::size_t pixel = 0; pixel < kValues; ++pixel)
      normalised_.push_back(static_cast<float>(
          (static_cast<double>(pixel) / options.largest - of(options.mean, channel)) / of(options.std, channel)));
}

ImageSet::Batch ImageSet::batch(std::span<const std::int64_t> indices) const {
  const auto k = static_cast<std::int64_t>(indices.size());
  for (const auto i : indices)
    if (i < 0 || i >= size()) fail("{}: there is no image {} among {}", name_, i, size());
  Batch result{empty(images_.shape().with(0, k), float32), empty({k}, int64)};
  const std::int64_t channels = images_.shape()[1], pixels = images_.shape()[2] * images_.shape()[3];
  const auto* from = images_.data<const std::uint8_t>();
  const auto* label = labels_.data<const std::int64_t>();
  auto* to = result.images.data<float>();
  auto* label_to = result.labels.data<std::int64_t>();
  parallel_for(k, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t i = indices[static_cast<std::size_t>(row)];
      label_to[row] = label[i];
      for (std::int64_t c = 0; c < channels; ++c) {
        const float* normalised = normalised_.data() + static_cast<std::size_t>(c) * kValues;
        const auto* source = from + (i * channels + c) * pixels;
        float* target = to + (row * channels + c) * pixels;
        for (std::int64_t p = 0; p < pixels; ++p) target[p] = normalised[source[p]];
      }
    }
  });
  return result;
}

ImageSet::Batch ImageSet::range(std::int64_t first, std::int64_t last) const {
  if (first < 0 || last < first || last > size())
    fail("{}: there are no images from {} to before {} among {}", name_, first, last, size());
  std::vector<std::int64_t> indices(static_cast<std::size_t>(last - first));
  std::iota(indices.begin(), indices.end(), first);
  return batch(indices);
}

}  // namespace ebb::data
