// Reader of IDX files, the format of MNIST (http://yann.lecun.com/exdb/mnist), plain or packed by gzip.
#pragma once

#include <string>

#include "autograd/tensor.h"

namespace ebb::data {

// The array in the file: uint8, int32, float32 or float64 as its type byte says; 8- and 16-bit signed
// integers, which ebb does not have, become int32. An Error names the file and what is wrong with it: it
// cannot be opened, is no IDX file, is shorter or longer than its header says, or its gzip data is damaged.
Tensor read_idx(const std::string& path);

}  // namespace ebb::data
