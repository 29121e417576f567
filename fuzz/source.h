// Arguments of public functions made of bytes: mostly such as make sense, as all do that are made of zeros, which follow where
// the bytes have ended; some are hostile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "autograd/autograd.h"

namespace ebb::fuzz {

class Source {
 public:
  Source(const std::uint8_t* data, std::size_t size) : data_(data), end_(data + size) {}

  unsigned byte() { return data_ == end_ ? 0 : *data_++; }
  unsigned two_bytes() {
    const unsigned high = byte();
    return 256 * high + byte();
  }
  bool flag() { return byte() % 2 == 1; }
  int up_to(int most) { return static_cast<int>(byte() % static_cast<unsigned>(most + 1)); }
  template <class Enum>
  Enum any_of(Enum last) {
    return static_cast<Enum>(up_to(static_cast<int>(last)));
  }

  // -- numbers, from -2^63 to 2^63 - 1

  std::int64_t number();
  int dim();
  double real();
  std::optional<std::int64_t> maybe() { return flag() ? std::optional(number()) : std::nullopt; }
  std::optional<int> maybe_dim() { return flag() ? std::optional(dim()) : std::nullopt; }
  std::optional<double> maybe_real() { return flag() ? std::optional(real()) : std::nullopt; }
  std::int64_t groups() { return byte() < 200 ? 1 : number(); }
  std::vector<std::int64_t> numbers(int most);
  std::vector<double> reals(int most);
  Dims dims();
  Shape shape() { return Shape(dims()); }
  // Of windows and results.
  std::int64_t extent();
  template <std::size_t N>
  Size<N> extents() {
    Size<N> all(extent());
    if (flag())
      for (std::size_t i = 1; i < N; ++i) all[i] = extent();
    return all;
  }
  Dtype dtype();
  std::optional<Dtype> maybe_dtype() { return flag() ? std::optional(dtype()) : std::nullopt; }
  Reduction reduction() { return any_of(Reduction::batchmean); }

  // -- tensors, laid out in some way

  int rank();
  // Up to five; huge ones too beside a size of 0.
  std::int64_t size();
  Dims sizes(int rank);
  Tensor tensor(Dtype dtype, const Dims& sizes);
  Tensor tensor(Dtype dtype) { return tensor(dtype, sizes(rank())); }
  Tensor tensor() { return tensor(dtype()); }
  Tensor maybe_tensor() { return flag() ? tensor() : Tensor(); }
  Dtype real_type() { return flag() ? float32 : float64; }
  Tensor floating() { return tensor(real_type()); }
  Tensor square();
  Tensor index() { return tensor(int64, sizes(up_to(3))); }
  Tensors tensors();
  // As is expected, or nearly so, or another.
  Tensor fitting(Dtype dtype, Dims sizes);
  Tensor maybe_fitting(Dtype dtype, const Dims& sizes) { return flag() ? fitting(dtype, sizes) : Tensor(); }
  // x, or one that may go with it.
  Tensor beside(const Tensor& x);
  // Of the rank of a batch of images of so many sizes, or of another.
  Tensor images(int dims) { return tensor(real_type(), sizes(byte() < 200 ? dims + 2 : rank())); }
  // For each channel of x [n, c, ..] one, or not.
  Tensor maybe_channels(const Tensor& x) { return maybe_fitting(x.dtype(), {x.dim() > 1 ? x.shape()[1] : 1}); }
  // The last sizes of x, or others.
  Dims tail(const Tensor& x);

  Index subscript();
  std::vector<Index> subscripts();
  std::string equation();

  // What was drawn and requires grad.
  const Tensors& leaves() const { return leaves_; }

 private:
  const std::uint8_t *data_, *end_;
  Tensors leaves_;
};

// -- lists of functions

struct Function {
  const char* call;
  Tensors (*f)(Source&);
};

std::span<const Function> tensor_functions();
std::span<const Function> layer_functions();

inline Tensors all_of(const Tensor& y) { return {y}; }
inline Tensors all_of(const ValuesIndices& y) { return {y.values, y.indices}; }
inline Tensors all_of(const Unique& y) { return {y.output, y.inverse_indices, y.counts}; }
inline Tensors all_of(const LuFactors& y) { return {y.p, y.l, y.u}; }
inline Tensors all_of(const QrFactors& y) { return {y.q, y.r}; }
inline Tensors all_of(const EigenPairs& y) { return {y.values, y.vectors}; }
inline Tensors all_of(const SvdFactors& y) { return {y.u, y.s, y.vh}; }
inline Tensors all_of(const SignLog& y) { return {y.sign, y.logabsdet}; }
template <std::size_t N>
Tensors all_of(const std::array<Tensor, N>& y) {
  return {y.begin(), y.end()};
}

// clang-format off
// A function of `s` and its name. Arguments are drawn one statement after the other: the order in which a call's are is not
// fixed. CALLS: of one that gives several.
#define CALL(draw, ...) {#__VA_ARGS__, [](Source& s) -> Tensors { draw; return {__VA_ARGS__}; }}
#define CALLS(draw, ...) {#__VA_ARGS__, [](Source& s) -> Tensors { draw; return __VA_ARGS__; }}
#define X const Tensor x = s.tensor()
#define XY X; const Tensor y = s.beside(x)
#define XYZ XY; const Tensor z = s.beside(x)
// clang-format on

}  // namespace ebb::fuzz
