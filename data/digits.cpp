#include "data/digits.h"

#include "autograd/base/fail.h"
#include "autograd/ops.h"
#include "data/npy.h"

namespace ebb::data {

ImageSet digits(const std::string& folder) {
  const std::string path = folder + "/digits.npz";
  const auto arrays = read_npz(path);
  if (arrays.size() != 2 || arrays[0].name != "images" || arrays[1].name != "labels" ||
      arrays[0].tensor.dim() != 3)
    fail("digits: {}: holds other arrays than images [n, h, w] and labels [n]; ebb's data/digits has them", path);
  constexpr double kWhite = 16;
  return ImageSet("digits", unsqueeze(arrays[0].tensor, 1), arrays[1].tensor.to(int64), {.largest = kWhite});
}

}  // namespace ebb::data
