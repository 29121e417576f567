#include "data/mnist.h"

#include <filesystem>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/ops.h"
#include "data/idx.h"

namespace ebb::data {
namespace {

struct Source {
  std::string name, where;  // of the function, for its Errors; where the files can be had
};

std::string find(const Source& source, const std::string& folder, const std::string& name) {
  const auto plain = std::filesystem::path(folder) / name;
  auto packed = plain;
  packed += ".gz";
  std::error_code ignored;
  for (const auto& path : {plain, packed})
    if (std::filesystem::exists(path, ignored)) return path.string();
  fail("{}: neither {} nor {}.gz is in {}; give the folder that holds them: {}", source.name, name, name, folder,
       source.where);
}

Tensor read(const Source& source, const std::string& folder, const std::string& name, int rank) {
  const auto path = find(source, folder, name);
  Tensor x = read_idx(path);
  if (x.dtype() != uint8 || x.dim() != rank)
    fail("{}: {}: holds {}; uint8 of {} dimensions was expected", source.name, path, describe(x), rank);
  return x;
}

Mnist read(const Source& source, const std::string& folder, const MnistOptions& options) {
  const std::string part = options.train ? "train" : "t10k";
  const Tensor images = read(source, folder, part + "-images-idx3-ubyte", 3);
  const Tensor labels = read(source, folder, part + "-labels-idx1-ubyte", 1);
  return Mnist(source.name, unsqueeze(images, 1), labels.to(int64),
               {.mean = {options.mean}, .std = {options.std}, .num_classes = options.num_classes});
}

}  // namespace

Mnist mnist(const std::string& folder, const MnistOptions& options) {
  return read({"mnist", "ebb's data/mnist has them"}, folder, options);
}

Mnist fashion_mnist(const std::string& folder, const MnistOptions& options) {
  return read(
      {"fashion_mnist",
       "Debian's package dataset-fashion-mnist puts them into /usr/share/datasets/fashion-mnist, and they are at "
       "https://github.com/zalandoresearch/fashion-mnist"},
      folder, options);
}

std::vector<std::string> fashion_mnist_classes() {
  return {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"};
}

}  // namespace ebb::data
