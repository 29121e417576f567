#include "autograd/tensor.h"

#include <exception>
#include <new>

#include "autograd/base/fail.h"
#include "autograd/base/memory.h"
#include "autograd/capture.h"
#include "autograd/create.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "autograd/writes.h"

namespace ebb {
namespace detail {
namespace {

// Note [One block]: a new array is one block of memory that holds its Buffer, the TensorImpl that it begins with and,
// up to kInline bytes, its elements. The block lives as long as the Buffer; views have TensorImpls of their own.
constexpr std::size_t kInline = 4096, kHeader = (sizeof(Buffer) + sizeof(TensorImpl) + 63) / 64 * 64;
static_assert(sizeof(Buffer) % alignof(TensorImpl) == 0);
static_assert(kHeader <= 256, "a graph of small tensors would not fit the caches as it does");

}  // namespace

Ref<Buffer> Buffer::make(std::size_t bytes) {
  if (thread_state.capture) [[unlikely]]
    return thread_state.capture->make_buffer(bytes);
  return make_own(bytes);
}

Ref<Buffer> Buffer::make_own(std::size_t bytes) {
  const bool within = bytes <= kInline;
  void* data = within ? nullptr : memory::allocate(bytes);
  auto* block = static_cast<std::byte*>(memory::allocate(kHeader + (within ? bytes : 0)));
  auto* buffer = new (block) Buffer;
  buffer->data = within ? block + kHeader : data;
  buffer->bytes = bytes;
  return Ref<Buffer>::adopt(buffer);
}

Ref<Buffer> Buffer::wrap(void* data, std::size_t bytes, std::function<void(void*)> deleter) {
  auto buffer = make_own(0);
  buffer->data = data;
  buffer->bytes = bytes;
  buffer->foreign = std::make_unique<std::function<void(void*)>>(std::move(deleter));
  return buffer;
}

void Buffer::destroy(Buffer* buffer) noexcept {
  std::size_t within = 0;
  if (buffer->foreign) {
    if (*buffer->foreign) (*buffer->foreign)(buffer->data);
  } else if (buffer->bytes > kInline) {
    memory::release(buffer->data, buffer->bytes);
  } else {
    within = buffer->bytes;
  }
  buffer->~Buffer();
  memory::release(buffer, kHeader + within);
}

TensorImpl::TensorImpl(Ref<Buffer> memory, const Shape& sizes, Dtype type)
    : dtype(type),
      contiguous(true),
      in_room(true),
      buffer(std::move(memory)),
      data(buffer->data),
      shape(sizes),
      strides(contiguous_strides(sizes)) {}

TensorImpl::TensorImpl(const TensorImpl& base, const Shape& sizes, const Dims& steps, std::int64_t offset)
    : dtype(base.dtype),
      contiguous(is_contiguous(sizes, steps)),
      in_room(false),
      buffer(base.buffer),
      data(static_cast<std::byte*>(base.data) + offset * size_of(base.dtype)),
      shape(sizes),
      strides(steps) {}

void TensorImpl::destroy(TensorImpl* impl) noexcept {
  const bool in_room = impl->in_room;
  const Ref<Buffer> last = std::move(impl->buffer);  // with it goes its room
  impl->~TensorImpl();
  if (!in_room) memory::release(impl, sizeof(TensorImpl));
}

namespace {

Tensor make_tensor(Ref<Buffer> buffer, const Shape& shape, Dtype dtype) {
  void* const room = buffer->room();
  return Tensor(Ref<TensorImpl>::adopt(new (room) TensorImpl(std::move(buffer), shape, dtype)));
}

}  // namespace
}  // namespace detail

Tensor empty(const Shape& shape, Dtype dtype) {
  if (thread_state.backward_depth == 0) merge_returned_objects();
  return detail::make_tensor(detail::Buffer::make(static_cast<std::size_t>(shape.numel() * size_of(dtype))), shape,
                             dtype);
}

Tensor alias(const Tensor& x, const Shape& shape, const Dims& strides, std::int64_t offset) {
  using Impl = detail::TensorImpl;
  return Tensor(Ref<Impl>::adopt(new (memory::allocate(sizeof(Impl))) Impl(x.impl(), shape, strides, offset)));
}

Tensor from_blob(void* data, const Shape& shape, Dtype dtype, std::function<void(void*)> deleter) {
  if (data == nullptr && shape.numel() > 0)
    fail("from_blob: the data pointer is null, but the shape is {}", shape);
  if (reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(size_of(dtype)) != 0)
    fail("from_blob: the data is not aligned for {}; align it to {} bytes", dtype, size_of(dtype));
  const auto bytes = static_cast<std::size_t>(shape.numel() * size_of(dtype));
  return detail::make_tensor(detail::Buffer::wrap(data, bytes, std::move(deleter)), shape, dtype);
}

void Tensor::undefined() { fail("tensor: this Tensor is undefined; assign one before using it"); }

std::int64_t Tensor::size(int dim) const {
  const int rank = this->dim();
  if (dim < -rank || dim >= rank) fail("size: dimension {} of a tensor of {} dimensions", dim, rank);
  return shape()[dim < 0 ? dim + rank : dim];
}

void Tensor::check_dtype(Dtype asked) const {
  detail::refuse_in_replay("data<T>()");
  if (dtype() != asked)
    fail("data: asked for {}, but the tensor is {}; ask for that, or convert it by to({})", asked, describe(*this),
         asked);
}

namespace {

// The elements of x in row-major order, in T.
template <class T>
std::vector<T> elements(const Tensor& x) {
  detail::refuse_in_replay("to_vector()");
  const NoGrad off;
  std::vector<std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>> values;
  try {
    values.resize(static_cast<std::size_t>(x.numel()));
  } catch (const std::exception&) {
    fail("to_vector: the system has no memory left for the elements of {}", describe(x));
  }
  const Dims strides = contiguous_strides(x.shape());
  kernels::copy({values.data(), &x.shape(), &strides, dtype_of<T>(), true}, x.view());
  return std::vector<T>(values.begin(), values.end());
}

void check_single(const Tensor& x) {
  detail::refuse_in_replay("item()");
  if (x.numel() != 1) fail("item: the tensor is {}, not a single element; index it first", describe(x));
}

}  // namespace

template <class T>
std::vector<T> Tensor::to_vector() const {
  return elements<T>(*this);
}
template std::vector<float> Tensor::to_vector() const;
template std::vector<double> Tensor::to_vector() const;
template std::vector<std::int64_t> Tensor::to_vector() const;
template std::vector<std::int32_t> Tensor::to_vector() const;
template std::vector<std::uint8_t> Tensor::to_vector() const;
template std::vector<bool> Tensor::to_vector() const;

double Tensor::item() const {
  check_single(*this);
  return visit(dtype(), [&]<class T>(T*) { return static_cast<double>(*static_cast<const T*>(impl().data)); });
}

std::int64_t Tensor::item_int64() const {
  check_single(*this);
  return *data<const std::int64_t>();
}

// -- the graph

Tensor& Tensor::set_requires_grad(bool wanted) {
  auto& edge = impl().edge;
  if (!is_leaf())
    fail("set_requires_grad: the tensor was computed by {}; only leaves can be changed, detach() it first",
         grad_fn());
  if (!wanted) {
    edge = {};
  } else if (!is_floating(dtype())) {
    fail(
        "set_requires_grad: the tensor is {}; only float32 and float64 have gradients, convert it by "
        "to(float32)",
        describe(*this));
  } else if (!edge.node) {
    edge = {Ref<Node>::adopt(new Leaf({shape(), dtype()})), 0};
  }
  return *this;
}

bool Tensor::is_leaf() const {
  const auto& node = impl().edge.node;
  return !node || node->is_leaf();
}

std::string_view Tensor::grad_fn() const { return is_leaf() ? std::string_view() : impl().edge.node->name(); }

Tensor Tensor::grad() const {
  if (!is_leaf())
    fail("grad: the tensor was computed by {}; only leaves keep gradients, use ebb::grad() or register_hook()",
         grad_fn());
  return requires_grad() ? static_cast<Leaf*>(impl().edge.node.get())->grad : Tensor();
}

void Tensor::set_grad(const Tensor& gradient) {
  if (!requires_grad() || !is_leaf()) {
    if (!gradient.defined() && is_leaf()) return;
    fail("set_grad: the tensor ({}) is not a leaf that requires grad", describe(*this));
  }
  if (gradient.defined() && (gradient.shape() != shape() || gradient.dtype() != dtype()))
    fail("set_grad: the tensor is {}, but the gradient {}", describe(*this), describe(gradient));
  auto* const leaf = static_cast<Leaf*>(impl().edge.node.get());
  leaf->grad = gradient;
  if (thread_state.capture)
    thread_state.capture->add_action([kept = Ref<Leaf>::share(leaf), gradient] { kept->grad = gradient; });
}

void Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  if (!requires_grad()) fail("register_hook: the tensor ({}) does not require grad", describe(*this));
  impl().edge.node->add_hook(impl().edge.output, std::move(hook));
}

Tensor Tensor::detach() const { return alias(*this, shape(), strides(), 0); }

const Tensor& Tensor::hand_over() const {
  if (requires_grad()) fail("hand_over: the tensor ({}) has a history; detach() it first", describe(*this));
  impl().buffer.disown();
  p_.disown();
  return *this;
}

// -- writes

namespace detail {

void check_writable(const char* name, const Tensor& x) {
  if (thread_state.recording && x.requires_grad())
    fail(
        "{}: the tensor ({}) requires grad and its history would be lost; write under NoGrad, or compute a "
        "new one",
        name, describe(x));
  for (int i = 0; i < x.dim(); ++i)
    if (x.strides()[i] == 0 && x.shape()[i] > 1 && x.numel() > 0)
      fail("{}: the tensor ({}) is expanded, so that several elements are one; clone() it first", name,
           describe(x));
}

Tensor operand_of(const char* name, const Tensor& x, const Tensor& source) {
  const NoGrad off;
  Tensor s = source.detach();
  if (s.shape() != x.shape()) {
    if (s.dim() > x.dim())
      fail("{}: the source {} does not broadcast to the destination {}", name, s.shape(), x.shape());
    s = expand(s, Dims(x.shape()));
  }
  const bool overlaps = s.impl().buffer.get() == x.impl().buffer.get() &&
                        (s.impl().data != x.impl().data || !(s.strides() == x.strides()));
  return overlaps ? s.clone() : s;
}

}  // namespace detail

using detail::check_writable;
using detail::operand_of;
using detail::write;

const Tensor& Tensor::copy_(const Tensor& source) const {
  check_writable("copy_", *this);
  const Tensor s = operand_of("copy_", *this, source);
  write(*this, "copy_", kernels::copy, s);
  return *this;
}

const Tensor& Tensor::fill_(double value) const {
  check_writable("fill_", *this);
  write(*this, "fill_", [value](const View& y) { kernels::fill(y, value); });
  return *this;
}

const Tensor& Tensor::add_(const Tensor& other, double alpha) const {
  check_writable("add_", *this);
  const NoGrad off;
  Tensor s = operand_of("add_", *this, other).to(dtype());
  if (alpha != 1) s = s * alpha;
  write(*this, "add_", kernels::add_into, s);
  return *this;
}

const Tensor& Tensor::mul_(double factor) const {
  check_writable("mul_", *this);
  write(*this, "mul_", [factor](const View& y) { kernels::unary<kernels::Unary::mul_scalar>(y, y, factor); });
  return *this;
}

std::string describe(const Tensor& x) {
  return x.defined() ? fmt::format("{} {}", x.dtype(), x.shape()) : std::string("undefined");
}

}  // namespace ebb
