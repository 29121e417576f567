// NumPy's files: one array (.npy, formats 1.0 to 3.0) or several with names (.npz).
//
//   np.savez_compressed("set.npz", x=x, y=y)              # Python
//   for (const auto& [name, array] : data::read_npz("set.npz")) …
//   data::write_npy("weights.npy", net.fc1.weight);       // np.load("weights.npy")
#pragma once

#include <span>
#include <string>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::data {

// float32, float64, int64, int32, uint8 or bool, of either byte order; row-major, also where the file is in Fortran's order.
// An Error names the file and what is wrong with it: another dtype, more than 8 dimensions, a length that does not fit.
Tensor read_npy(const std::string& path);
// Format 1.0, row-major, little-endian. As a whole or not at all.
void write_npy(const std::string& path, const Tensor& x);

// The arrays in the order of the archive, with their names as np.load gives them: without ".npy".
std::vector<NamedTensor> read_npz(const std::string& path);
struct NpzOptions {
  bool compressed = true;  // np.savez_compressed, otherwise np.savez
};
// As a whole or not at all. Error if two have one name.
void write_npz(const std::string& path, std::span<const NamedTensor> arrays, const NpzOptions& options = {});

}  // namespace ebb::data
