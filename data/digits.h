// Digits: 1797 handwritten digits of 8 x 8 pixels (Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI Machine
// Learning Repository, 1998), small enough for a test or a first try.
#pragma once

#include <string>

#include "data/image_set.h"

namespace ebb::data {

// Reads digits.npz from `folder`: images [1797, 1, 8, 8], pixels from 0 to 16, which batches give as 0 to 1.
ImageSet digits(const std::string& folder = "data/digits");

}  // namespace ebb::data
