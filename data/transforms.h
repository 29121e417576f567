// Changes to images, most of them random, which make a training set larger than it is.
//
//   const data::Transformed augmented(train_set, [](const Tensor& images, Generator& random) {
//     return data::random_horizontal_flip(data::random_crop(images, 28, random, {.padding = 2}), random);
//   });
//   data::DataLoader loader(augmented, {.batch_size = 128, .shuffle = true, .seed = 7, .workers = 2});
//
// x is an image [c, h, w] or a batch [n, c, h, w], whose images are changed independently: image i becomes what it would if
// the images were given one after another with the same generator. `random` moves on. What is random depends on it alone, so
// that a loader gives the same bits with any number of workers. These functions have no derivative: Error if x requires grad.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>

#include "autograd/base/random.h"
#include "autograd/functions/size.h"
#include "data/dataset.h"

namespace ebb::data {

struct CropOptions {
  Size2 padding = 0;  // rows and columns of `fill` around the image
  double fill = 0;    // after normalisation black is -mean / std
};
// A window of this size at a random place: [.., c, size]. Error if it is larger than the padded image.
Tensor random_crop(const Tensor& x, Size2 size, Generator& random, const CropOptions& options = {});

// Moved by up to `most` rows and columns, each distance as likely as the others; `fill` comes in at the edges.
Tensor random_shift(const Tensor& x, Size2 most, Generator& random, double fill = 0);

// Left becomes right with probability p.
Tensor random_horizontal_flip(const Tensor& x, Generator& random, double p = 0.5);

struct ElasticOptions {
  double alpha = 34;  // pixels: how far
  double sigma = 4;   // pixels: how smooth
  double fill = 0;    // beyond the edges
};
// Every pixel (i, j) is taken, between its four neighbours in proportion, from (i + α (G * u)(i, j), j + α (G * v)(i, j)): u
// and v are uniform in [-1, 1) at each pixel and 0 outside the image, G is a Gaussian of standard deviation sigma, cut off at
// 4 sigma, with sum 1; all channels move alike (Simard, Steinkraus, Platt: Best Practices for Convolutional Neural Networks
// Applied to Visual Document Analysis; ICDAR 2003: α 34 and σ 4 for MNIST). x floating.
Tensor elastic_transform(const Tensor& x, Generator& random, const ElasticOptions& options = {});

// (x - mean) / std, with a mean and a std for each channel, or one for all. x floating.
Tensor normalize(const Tensor& x, std::span<const double> mean, std::span<const double> std);

// How a dataset's example or batch is changed: as a whole, or, if it has several tensors, its first one alone.
template <class F, class E>
concept TransformsAll = requires(const F& f, const E& example, Generator& random) {
  { f(example, random) } -> std::convertible_to<E>;
};
template <class F>
concept TransformsFirst = TransformsAll<F, Tensor>;

// `dataset`, of which it keeps a copy, with each example or batch changed by f(example, random) or f(its first tensor,
// random). f is called from several threads at once. Where the dataset gives batches f changes batches, and what is drawn
// for an example then depends on the batch it is in.
template <Dataset D, class F>
class Transformed {
 public:
  Transformed(D dataset, F f) : dataset_(std::move(dataset)), f_(std::move(f)) {}

  std::int64_t size() const { return dataset_.size(); }
  auto batch(std::span<const std::int64_t> indices) const requires GivesBatches<D> {
    return changed(dataset_.batch(indices), default_generator());
  }
  auto get(std::int64_t i, Generator& random) const requires(!GivesBatches<D>) {
    if constexpr (GivesRandomExamples<D>) return changed(dataset_.get(i, random), random);
    else return changed(dataset_.get(i), random);
  }
  const D& dataset() const { return dataset_; }

 private:
  template <class E>
  E changed(E example, Generator& random) const {
    if constexpr (TransformsAll<F, E>) {
      return f_(example, random);
    } else {
      static_assert(
          TransformsFirst<F> && detail::IsExample<E>,
          "a transform takes (const Tensor&, ebb::Generator&) and gives a Tensor, or an example likewise");
      auto fields = detail::fields_of(example);
      fields[0] = f_(std::as_const(fields[0]), random);
      return detail::from_fields<E>(std::move(fields));
    }
  }

  D dataset_;
  F f_;
};

}  // namespace ebb::data
