#include "autograd/ops/linear.h"

namespace ebb {
namespace ops {
namespace {

Shape leading(const Shape& shape) {
  return Shape(std::span(shape.begin(), static_cast<std::size_t>(shape.rank() - 2)));
}

Tensor expand_leading(const Tensor& x, const Shape& lead) {
  Dims sizes = lead;
  sizes.push_back(x.shape()[x.dim() - 2]);
  sizes.push_back(x.shape()[x.dim() - 1]);
  return expand(x, sizes);
}

// x [n, .., in], weight [n, out, in], bias [n, out] or undefined.
Tensor linear_of_each(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const std::int64_t n = weight.shape()[0], out = weight.shape()[1], in = weight.shape()[2];
  if (x.dim() < 2 || x.shape()[0] != n || x.shape()[x.dim() - 1] != in)
    fail("linear: the weight {} is for an input [{}, .., {}], not {}", weight.shape(), n, in, x.shape());
  if (bias.defined() && bias.shape() != Shape{n, out})
    fail("linear: the bias is {}; it must be [{}, {}]", bias.shape(), n, out);
  Dims sizes = x.shape();
  std::int64_t rows = 1;
  for (int i = 1; i + 1 < x.dim(); ++i) rows *= sizes[i];
  sizes[x.dim() - 1] = out;
  const Tensor y = matmul(reshape(x, {n, rows, in}), transpose(weight, 1, 2));
  return reshape(bias.defined() ? y + unsqueeze(bias, 1) : y, sizes);
}

}  // namespace

void broadcast_leading(std::string_view op, Tensor& a, Tensor& b) {
  const Shape lead = broadcast_shape(op, leading(a.shape()), leading(b.shape()));
  a = expand_leading(a, lead);
  b = expand_leading(b, lead);
}

}  // namespace ops

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.dim() == 2 && b.dim() == 2) return apply(ops::Matmul{}, a, b);
  if (a.dim() == 0 || b.dim() == 0)
    fail("matmul: {} and {}; both need one dimension or more, use mul() for scalars", describe(a), describe(b));
  if (a.dim() == 1) return squeeze(matmul(unsqueeze(a, 0), b), b.dim() == 1 ? 0 : -2);
  if (b.dim() == 1) return squeeze(matmul(a, unsqueeze(b, 1)), -1);
  if (b.dim() == 2 && a.dim() > 2) {  // one product of all rows
    Dims sizes = a.shape();
    sizes[a.dim() - 1] = b.shape()[1];
    if (a.shape()[a.dim() - 1] == b.shape()[0] && a.numel() > 0)
      return reshape(matmul(reshape(a, {-1, a.shape()[a.dim() - 1]}), b), sizes);
  }
  Tensor left = a, right = b;
  ops::broadcast_leading("matmul", left, right);
  return apply(ops::Matmul{}, left, right);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (weight.dim() == 3) return ops::linear_of_each(x, weight, bias);
  if (weight.dim() != 2) fail("linear: the weight is {}; it must be [out, in]", weight.shape());
  const std::int64_t out = weight.shape()[0], in = weight.shape()[1];
  if (x.dim() == 0 || x.shape()[x.dim() - 1] != in)
    fail("linear: the input's last size is not the weight's {} (input {}, weight {})", in, x.shape(),
         weight.shape());
  if (bias.defined() && bias.shape() != Shape{out})
    fail("linear: the bias is {}; it must be [{}]", bias.shape(), out);
  const Tensor dense = bias.defined() ? bias.contiguous() : bias;
  if (x.dim() == 2) return apply(ops::Linear{}, x, weight, dense);
  std::int64_t rows = 1;
  Dims sizes = x.shape();
  for (int i = 0; i + 1 < x.dim(); ++i) rows *= sizes[i];
  sizes[x.dim() - 1] = out;
  return reshape(apply(ops::Linear{}, reshape(x, {rows, in}), weight, dense), sizes);
}

}  // namespace ebb
