#include "data/cifar.h"

#include <algorithm>
#include <filesystem>

#include "autograd/base/fail.h"
#include "autograd/tensor.h"
#include "io/file.h"

namespace ebb::data {
namespace {

constexpr const char* kWho = "cifar10";
constexpr std::int64_t kSide = 32, kPixels = 3 * kSide * kSide, kRecord = kPixels + 1;

std::vector<std::string> files_of(bool train) {
  if (!train) return {"test_batch.bin"};
  std::vector<std::string> names;
  for (int i = 1; i <= 5; ++i) names.push_back(fmt::format("data_batch_{}.bin", i));
  return names;
}

std::string find(const std::string& folder, const std::string& name) {
  const auto path = std::filesystem::path(folder) / name;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    fail(
        "{}: {} is not in {}; give the folder of the binary version, cifar-10-binary.tar.gz of "
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        kWho, name, folder);
  return path.string();
}

std::vector<std::uint8_t> read(const std::string& path) {
  const io::InputFile file(kWho, path);
  std::vector<std::uint8_t> bytes(file.size());
  if (bytes.size() % kRecord != 0)
    fail("{}: {}: has {} bytes, which is no multiple of {}, a label and {} pixels; fetch it again", kWho, path,
         bytes.size(), kRecord, kPixels);
  file.read(0, bytes.data(), bytes.size());
  return bytes;
}

}  // namespace

ImageSet cifar10(const std::string& folder, const Cifar10Options& options) {
  std::vector<std::uint8_t> records;
  for (const auto& name : files_of(options.train)) {
    const auto bytes = read(find(folder, name));
    records.insert(records.end(), bytes.begin(), bytes.end());
  }
  const auto n = static_cast<std::int64_t>(records.size()) / kRecord;
  const Tensor images = empty({n, 3, kSide, kSide}, uint8), labels = empty({n}, int64);
  auto* pixels = images.data<std::uint8_t>();
  auto* label = labels.data<std::int64_t>();
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint8_t* record = records.data() + i * kRecord;
    label[i] = record[0];
    std::copy(record + 1, record + kRecord, pixels + i * kPixels);
  }
  return ImageSet(kWho, images, labels, {.mean = options.mean, .std = options.std});
}

std::vector<std::string> cifar10_classes() {
  return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
}

}  // namespace ebb::data
