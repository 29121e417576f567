// Initial weights. Each function writes to `t`, float32 or float64, in place and without history, also where t
// requires grad, and returns it. Random numbers come from `generator`, or default_generator() if that is null.
#pragma once

#include <cstdint>

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb::nn::init {

const Tensor& uniform_(const Tensor& t, double low = 0, double high = 1,
                       Generator* generator = nullptr);  // [low, high)
const Tensor& normal_(const Tensor& t, double mean = 0, double std = 1, Generator* generator = nullptr);
const Tensor& constant_(const Tensor& t, double value);
// Ones on the diagonal of a matrix, else zeros. Error for other ranks.
const Tensor& eye_(const Tensor& t);

// How many numbers an output of a layer with weight `shape` is summed from (in), and how many outputs an input
// goes into (out): [out, in, k, …] has fans in·k·… and out·k·…. Error for fewer than two dimensions.
struct Fans {
  std::int64_t in, out;
};
Fans fans(const Shape& shape);

// The factor by which a nonlinearity's input must exceed variance 1 / fan for its output to keep the variance:
// linear, sigmoid 1, tanh 5/3, relu √2, leaky_relu √(2 / (1 + slope²)), selu 3/4. PyTorch's values.
enum class Nonlinearity : std::uint8_t { linear, sigmoid, tanh, relu, leaky_relu, selu };
double calculate_gain(Nonlinearity nonlinearity, double slope = 0.01);

// Variance gain² 2 / (in + out) (Glorot, Bengio 2010): U(-b, b) with b = gain √(6 / (in + out)), or a normal one.
const Tensor& xavier_uniform_(const Tensor& t, double gain = 1, Generator* generator = nullptr);
const Tensor& xavier_normal_(const Tensor& t, double gain = 1, Generator* generator = nullptr);

enum class Fan : std::uint8_t { in, out };
struct KaimingOptions {
  double slope = 0;  // of leaky_relu; PyTorch's a
  Fan fan = Fan::in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
  Generator* generator = nullptr;
};
// Variance gain² / fan (He, Zhang, Ren, Sun 2015): U(-b, b) with b = gain √(3 / fan), or a normal one.
const Tensor& kaiming_uniform_(const Tensor& t, const KaimingOptions& options = {});
const Tensor& kaiming_normal_(const Tensor& t, const KaimingOptions& options = {});

// t as a matrix [size(0), rest] becomes gain times one with orthonormal rows, or columns if those are fewer,
// drawn uniformly from all such (Saxe, McClelland, Ganguli 2014). Computed in float64. Error for fewer than two
// dimensions.
const Tensor& orthogonal_(const Tensor& t, double gain = 1, Generator* generator = nullptr);

}  // namespace ebb::nn::init
