#include "nn/conv.h"

#include <array>
#include <string>

#include "autograd/base/fail.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {
namespace {

template <std::size_t N>
Tensor random_weight(std::int64_t first, std::int64_t second, const Size<N>& kernel) {
  Dims sizes{first, second};
  for (const auto size : kernel) sizes.push_back(size);
  const Shape shape(sizes);
  return uniform_weight(shape, shape.numel() / first);
}

// What all convolutions are made of.
template <class Options, std::size_t N>
void check(const char* layer, std::int64_t in, std::int64_t out, const Size<N>& kernel, const Options& o) {
  check_positive(layer, "in", in);
  check_positive(layer, "out", out);
  check_positive(layer, "kernel", kernel);
  check_positive(layer, "stride", o.stride);
  check_not_negative(layer, "padding", o.padding);
  check_positive(layer, "dilation", o.dilation);
  check_positive(layer, "groups", o.groups);
  for (const auto dilation : o.dilation)
    if (dilation > std::int64_t{1} << 31) fail("{}: dilation is {}; it must be at most 2^31", layer, dilation);
  const auto check_divides = [&](const char* field, std::int64_t value) {
    if (value % o.groups != 0)
      fail("{}: groups is {}, which does not divide {} ({}); choose a divisor of in and out", layer, o.groups,
           field, value);
  };
  check_divides("in", in);
  check_divides("out", out);
}

}  // namespace

template <std::size_t N>
Tensor conv_weight(std::int64_t in, std::int64_t out, const Size<N>& kernel, const ConvOptions<N>& o) {
  const std::string layer = fmt::format("Conv{}d", N);
  check(layer.c_str(), in, out, kernel, o);
  for (const auto stride : o.stride)
    if (o.padding.same && stride != 1)
      fail("{}: padding is same and stride {}; the size stays the same by a stride of 1 only", layer, stride);
  return random_weight(out, in / o.groups, kernel);
}

template <std::size_t N>
Tensor conv_transpose_weight(std::int64_t in, std::int64_t out, const Size<N>& kernel,
                             const ConvTransposeOptions<N>& o) {
  const std::string layer = fmt::format("ConvTranspose{}d", N);
  check(layer.c_str(), in, out, kernel, o);
  check_not_negative(layer.c_str(), "output_padding", o.output_padding);
  return random_weight(in, out / o.groups, kernel);
}

Tensor conv_bias(std::int64_t out, const Tensor& weight, bool wanted) {
  return wanted ? uniform_weight({out}, weight.numel() / weight.size(0)) : Tensor();
}

}  // namespace detail

namespace {

template <std::size_t N>
Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvOptions<N>& options) {
  if constexpr (N == 1) return conv1d(x, weight, bias, options);
  else if constexpr (N == 2) return conv2d(x, weight, bias, options);
  else return conv3d(x, weight, bias, options);
}

}  // namespace

template <std::size_t N>
Tensor Conv<N>::operator()(const Tensor& x) const {
  if (padding_mode == PadMode::constant) return convolve<N>(x, weight, bias, {stride, padding, dilation, groups});
  std::array<std::int64_t, 2 * N> around{};  // from the last dimension on
  for (std::size_t i = 0; i < N; ++i) {
    const std::int64_t all = padding.same ? dilation[i] * (kernel[i] - 1) : 0;
    around[2 * (N - 1 - i)] = padding.same ? all / 2 : padding[i];
    around[2 * (N - 1 - i) + 1] = padding.same ? all - all / 2 : padding[i];
  }
  return convolve<N>(pad(x, around, padding_mode), weight, bias, {stride, 0, dilation, groups});
}

template <std::size_t N>
Tensor ConvTranspose<N>::operator()(const Tensor& x, const std::optional<Size<N>>& output_size) const {
  ConvTransposeOptions<N> options{stride, padding, output_padding, groups, dilation};
  const int first = x.dim() - static_cast<int>(N);
  if (output_size && (first == 1 || first == 2))
    for (std::size_t i = 0; i < N; ++i) {
      const std::int64_t size = x.shape()[first + static_cast<int>(i)], wanted = (*output_size)[i],
                         least = (size - 1) * stride[i] - 2 * padding[i] + dilation[i] * (kernel[i] - 1) + 1;
      if (wanted < least || wanted >= least + stride[i])
        fail("ConvTranspose{}d: output_size {} of an input of {}; it must be from {} to {}", N, wanted, size,
             least, least + stride[i] - 1);
      options.output_padding[i] = wanted - least;
    }
  if constexpr (N == 1) return conv_transpose1d(x, weight, bias, options);
  else if constexpr (N == 2) return conv_transpose2d(x, weight, bias, options);
  else return conv_transpose3d(x, weight, bias, options);
}

#define EBB_CONV(N)                                                                                          \
  template Tensor detail::conv_weight<N>(std::int64_t, std::int64_t, const Size<N>&, const ConvOptions<N>&); \
  template Tensor detail::conv_transpose_weight<N>(std::int64_t, std::int64_t, const Size<N>&,               \
                                                   const ConvTransposeOptions<N>&);                          \
  template Tensor Conv<N>::operator()(const Tensor&) const;                                                  \
  template Tensor ConvTranspose<N>::operator()(const Tensor&, const std::optional<Size<N>>&) const;
EBB_CONV(1)
EBB_CONV(2)
EBB_CONV(3)
#undef EBB_CONV

}  // namespace ebb::nn
