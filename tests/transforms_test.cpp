#include "data/transforms.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "data/cifar.h"
#include "data/loader.h"
#include "data/mnist.h"
#include "tests/expect_error.h"
#include "tests/files.h"

#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

using namespace ebb;

namespace {

// Images whose pixels are all different.
Tensor numbered(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
  return reshape(arange(1, static_cast<double>(n * c * h * w + 1)), {n, c, h, w}).to(float32);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && a.to_vector<double>() == b.to_vector<double>();
}

// What f(x, random) must have in common with all transforms.
template <class F>
void check_transform(const F& f, const Tensor& batch) {
  Generator one{5, 0}, other{5, 0}, third{6, 0};
  const Tensor changed = f(batch, one);
  CHECK(one.position > 0);
  CHECK(one.position % 4 == 0);
  CHECK(!same_bits(changed, f(batch, third)));
  std::vector<Tensor> singly;  // the images one after another
  for (const Tensor& image : unbind(batch)) singly.push_back(f(image, other));
  CHECK(same_bits(changed, stack(singly)));
  CHECK(one.position == other.position);
  Generator again{5, 0};
  CHECK(same_bits(changed, f(transpose(transpose(batch, 2, 3).contiguous(), 2, 3), again)));  // another layout
  CHECK(contains(error_of([&] { f(batch[0][0], one); }), "give images [c, h, w] or [n, c, h, w]"));
  Tensor leaf = batch.to(float32).clone();
  leaf.set_requires_grad();
  CHECK(contains(error_of([&] { f(leaf, one); }), "has no derivative; give x.detach()"));
  CHECK(same_bits(f(narrow(batch, 0, 0, 0), one), narrow(changed, 0, 0, 0)));  // no images
}

}  // namespace

TEST_CASE("random_crop: a window of the padded image, each as often as the others") {
  const Tensor x = numbered(1, 2, 3, 4)[0];
  const Tensor padded = pad(x, {2, 2, 1, 1}, PadMode::constant, -7);
  Generator random{1, 0};
  std::vector<int> counts(4 * 4);
  for (int i = 0; i < 3200; ++i) {
    const Tensor crop = data::random_crop(x, {2, 5}, random, {.padding = {1, 2}, .fill = -7});
    REQUIRE(crop.shape() == Shape{2, 2, 5});
    int found = 0;
    for (int row = 0; row < 4; ++row)
      for (int column = 0; column < 4; ++column)
        if (same_bits(crop, narrow(narrow(padded, 1, row, 2), 2, column, 5))) {
          ++counts[static_cast<std::size_t>(4 * row + column)];
          ++found;
        }
    REQUIRE(found == 1);
  }
  for (const int count : counts) CHECK(std::abs(count - 200) < 70);  // five standard deviations

  check_transform(
      [](const Tensor& images, Generator& r) { return data::random_crop(images, 5, r, {.padding = 2}); },
      numbered(40, 3, 5, 6));
  CHECK(data::random_crop(numbered(2, 1, 3, 3).to(uint8), 3, random, {.padding = 1}).dtype() == uint8);
  CHECK_ERROR(
      data::random_crop(x, {6, 4}, random, {.padding = 1}),
      "random_crop: there is no window of 6 x 4 in images of 3 x 4 with padding 1 x 1; make it smaller or the "
      "padding larger");
  CHECK_ERROR(data::random_crop(x, 3, random, {.padding = -1}),
              "random_crop: padding is [-1, -1]; it must not be negative");
}

TEST_CASE("random_shift: what leaves at one edge does not come back at the other") {
  const Tensor x = ones({1, 5, 6});
  Generator random{2, 0};
  std::set<std::vector<double>> seen;
  for (int i = 0; i < 500; ++i) seen.insert(data::random_shift(x, {1, 2}, random, 9).to_vector<double>());
  CHECK(seen.size() == 15);
  CHECK(seen.contains(x.to_vector<double>()));
  CHECK(seen.contains(pad(ones({1, 4, 4}), {2, 0, 1, 0}, PadMode::constant, 9).to_vector<double>()));
  CHECK(same_bits(data::random_shift(x, 0, random), x));
  const Tensor gone = data::random_shift(ones({100, 1, 2, 2}), 5, random);  // further than it is large
  CHECK(sum(gone).item() < 200);
  check_transform([](const Tensor& images, Generator& r) { return data::random_shift(images, 2, r); },
                  numbered(40, 3, 5, 6));
}

TEST_CASE("random_horizontal_flip: with its probability") {
  const Tensor x = numbered(4000, 1, 2, 3);
  Generator random{3, 0};
  const Tensor y = data::random_horizontal_flip(x, random, 0.25), mirrored = flip(x, {3});
  int turned = 0;
  for (std::int64_t i = 0; i < 4000; ++i) {
    const bool flipped = same_bits(y[i], mirrored[i]);
    REQUIRE(flipped != same_bits(y[i], x[i]));
    turned += flipped;
  }
  CHECK(std::abs(turned - 1000) < 140);  // five standard deviations
  CHECK(same_bits(data::random_horizontal_flip(x, random, 0), x));
  CHECK(same_bits(data::random_horizontal_flip(x, random, 1), mirrored));
  check_transform([](const Tensor& images, Generator& r) { return data::random_horizontal_flip(images, r); },
                  numbered(40, 3, 5, 6));
  CHECK_ERROR(data::random_horizontal_flip(x, random, 1.5),
              "random_horizontal_flip: p is 1.5; it must be from 0 to 1");
}

TEST_CASE("elastic_transform: as a plain computation in double") {
  constexpr std::int64_t h = 9, w = 7;
  constexpr double sigma = 1.5, alpha = 6;
  const Tensor x = numbered(1, 2, h, w)[0].to(float64);
  Generator random{4, 0}, same{4, 0};
  const Tensor got = data::elastic_transform(x, random, {.alpha = alpha, .sigma = sigma, .fill = -1});
  const Tensor field = 2 * rand({2, h, w}, {.dtype = float32, .generator = &same}).to(float64) - 1;

  // The blur as one convolution with the two-dimensional kernel.
  constexpr std::int64_t radius = 6;
  const Tensor z = arange(-radius, radius + 1).to(float64) / sigma;
  Tensor line = exp(-square(z) / 2);
  line = line / sum(line);
  const Tensor kernel = unsqueeze(line, 1) * unsqueeze(line, 0);
  const Tensor smooth = alpha * conv2d(unsqueeze(field, 1), reshape(kernel, {1, 1, 13, 13}), {}, {.padding = 6});
  const auto moved = smooth.to_vector<double>();
  const auto at = [&](std::int64_t c, std::int64_t i, std::int64_t j) {
    return i < 0 || i >= h || j < 0 || j >= w ? -1 : x[c][i][j].item();
  };
  double largest = 0;
  for (std::int64_t c = 0; c < 2; ++c)
    for (std::int64_t i = 0; i < h; ++i)
      for (std::int64_t j = 0; j < w; ++j) {
        const double row = static_cast<double>(i) + moved[static_cast<std::size_t>(i * w + j)];
        const double column = static_cast<double>(j) + moved[static_cast<std::size_t>((h + i) * w + j)];
        const double top = std::floor(row), left = std::floor(column), a = row - top, b = column - left;
        const auto y0 = static_cast<std::int64_t>(top), x0 = static_cast<std::int64_t>(left);
        const double expected = (1 - a) * ((1 - b) * at(c, y0, x0) + b * at(c, y0, x0 + 1)) +
                                a * ((1 - b) * at(c, y0 + 1, x0) + b * at(c, y0 + 1, x0 + 1));
        CHECK(got[c][i][j].item() == doctest::Approx(expected).epsilon(1e-4));
        largest = std::max(largest, std::abs(moved[static_cast<std::size_t>(i * w + j)]));
      }
  CHECK(largest > 0.3);  // something moves

  CHECK(same_bits(data::elastic_transform(x, random, {.alpha = 0}), x));
  check_transform(
      [](const Tensor& images, Generator& r) { return data::elastic_transform(images, r, {.sigma = 1}); },
      numbered(5, 3, 5, 7));
  CHECK(contains(error_of([&] { data::elastic_transform(x.to(uint8), random); }), "give floating images"));
  CHECK(contains(error_of([&] { data::elastic_transform(x, random, {.sigma = 0}); }), "sigma is 0"));
  CHECK(contains(error_of([&] { data::elastic_transform(x, random, {.alpha = 1e9}); }), "alpha 1000000000"));
}

TEST_CASE("normalize: by channel, or all alike") {
  const Tensor x = numbered(2, 2, 1, 2);
  const std::vector<double> mean{1, 2}, std{2, 4}, one{3}, none{0};
  CHECK(data::normalize(x, mean, std).to_vector<float>() == std::vector<float>{0, .5, .25, .5, 2, 2.5, 1.25, 1.5});
  CHECK(same_bits(data::normalize(x[0], mean, std), data::normalize(x, mean, std)[0]));
  CHECK(data::normalize(x, one, one)[0][0][0][0].item() == doctest::Approx(-2. / 3));
  CHECK(contains(error_of([&] { data::normalize(x, std::vector<double>{1, 2, 3}, one); }), "mean has 3 numbers"));
  CHECK(contains(error_of([&] { data::normalize(x, one, none); }), "a std is 0"));
  CHECK(contains(error_of([&] { data::normalize(x.to(uint8), one, one); }), "give floating images"));
}

namespace {

struct Single {
  Tensor images = numbered(23, 1, 4, 4), labels = arange(23);
  struct Example {
    Tensor image, label;
  };
  std::int64_t size() const { return 23; }
  Example get(std::int64_t i) const { return {images[i], labels[i]}; }
};

const auto shift_and_flip = [](const Tensor& images, Generator& random) {
  return data::random_horizontal_flip(data::random_shift(images, 1, random), random);
};

std::vector<double> two_epochs(const auto& dataset, int workers) {
  data::DataLoader loader(dataset, {.batch_size = 5, .shuffle = true, .seed = 3, .workers = workers});
  std::vector<double> all;
  for (int epoch = 0; epoch < 2; ++epoch)
    for (const auto& [images, labels] : loader) {
      for (const Tensor& x : {images, labels}) {
        const auto values = x.template to_vector<double>();
        all.insert(all.end(), values.begin(), values.end());
      }
    }
  return all;
}

}  // namespace

TEST_CASE("Transformed: the same bits with any number of workers") {
  const Single single;
  const data::TensorDataset whole{single.images, single.labels};
  const auto check = [](const auto& augmented, const auto& plain) {
    const auto expected = two_epochs(augmented, 0);
    CHECK(expected.size() == 2 * 23 * 17);
    CHECK(expected != two_epochs(plain, 0));
    for (const int workers : {1, 2, 3}) CHECK(two_epochs(augmented, workers) == expected);
    CHECK(
        !std::equal(expected.begin(), expected.begin() + 23 * 17, expected.begin() + 23 * 17));  // nor two epochs
  };
  check(data::Transformed(single, shift_and_flip), single);
  check(data::Transformed(whole, shift_and_flip), whole);
  check(data::Transformed(data::Transformed(single, shift_and_flip), shift_and_flip), single);
}

TEST_CASE("Transformed: of whole examples") {
  const Single single;
  const data::Transformed next(single, [](const Single::Example& e, Generator&) {
    return Single::Example{e.image * 2, e.label + 1};
  });
  Generator random;
  CHECK(next.get(3, random).label.item() == 4);
  CHECK(same_bits(next.get(3, random).image, single.images[3] * 2));
  CHECK(next.size() == 23);
}

TEST_CASE("cifar10: the binary format") {
  const TempFolder folder;
  CHECK(contains(
      error_of([&] { data::cifar10(folder.path()); }),
      "cifar10: data_batch_1.bin is not in " + folder.path() + "; give the folder of the binary version"));
  const auto record = [](int label, int first) {
    std::string bytes(1, static_cast<char>(label));
    for (int i = 0; i < 3072; ++i) bytes += static_cast<char>((first + i) % 251);
    return bytes;
  };
  for (int file = 1; file <= 5; ++file)
    write_file(folder / ("data_batch_" + std::to_string(file) + ".bin"),
               record(file, file) + record(9 - file, 100));
  write_file(folder / "test_batch.bin", record(7, 3));
  const auto train = data::cifar10(folder.path());
  CHECK(train.labels().to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 8, 2, 7, 3, 6, 4, 5, 5, 4});
  CHECK(train.images().shape() == Shape{10, 3, 32, 32});
  CHECK(train.images()[4][2][1][5].item() == (3 + 2 * 1024 + 32 + 5) % 251);
  const auto [images, labels] = data::cifar10(folder.path(), {.train = false}).all();
  CHECK(labels.to_vector<std::int64_t>() == std::vector<std::int64_t>{7});
  CHECK(images[0][1][0][0].item() == doctest::Approx(((3 + 1024) % 251 / 255. - 0.4822) / 0.2435));
  write_file(folder / "test_batch.bin", record(7, 3) + "x");
  CHECK(
      contains(error_of([&] { data::cifar10(folder.path(), {.train = false}); }), "which is no multiple of 3073"));
  write_file(folder / "test_batch.bin", record(10, 3));
  CHECK(contains(error_of([&] { data::cifar10(folder.path(), {.train = false}); }), "label 10 of image 0"));
  CHECK(contains(error_of([&] { data::cifar10(folder.path(), {.mean = {0, 0}}); }), "mean has 2 numbers"));
}

TEST_CASE("fashion_mnist: a missing file says where to get it") {
  const TempFolder folder;
  CHECK(contains(error_of([&] { data::fashion_mnist(folder.path()); }),
                 "fashion_mnist: neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz is in " +
                     folder.path() + "; give the folder that holds them: Debian's package dataset-fashion-mnist"));
}
