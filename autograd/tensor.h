// The tensor: a counted handle to an n-dimensional array, and to the operation that made it.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autograd/base/counted.h"
#include "autograd/base/error.h"
#include "autograd/base/view.h"

namespace ebb {

class Tensor;
class Node;
struct Index;

// A tensor and what it is called, as named_parameters() and state() give them: {"conv1.weight", …}.
struct NamedTensor;

struct BackwardOptions {
  bool retain_graph = false;  // keep what the graph has saved, for another backward; implied by create_graph
  bool create_graph = false;  // record the gradients' own graph, for second derivatives
  // Parameters that must get a gradient: backward throws an Error that names each one that did not.
  std::span<const NamedTensor> expect = {};
};

namespace detail {

// The memory behind one or more tensors. `version` counts the writes: see Note [Versions].
struct Buffer final : Counted {
  std::uint32_t version = 0;
  void* data = nullptr;
  std::size_t bytes = 0;
  const char* writer = nullptr;                         // the operation that wrote last
  std::unique_ptr<std::function<void(void*)>> foreign;  // set for memory that is not ebb's: how to give it back

  static Ref<Buffer> make(std::size_t bytes);
  static Ref<Buffer> make_own(std::size_t bytes);  // not in the arena of a Capture
  static Ref<Buffer> wrap(void* data, std::size_t bytes, std::function<void(void*)> deleter);
  void* room() { return this + 1; }  // for the first TensorImpl
  static void destroy(Buffer* buffer) noexcept;
};

// The place of a tensor in the graph: output `output` of `node`. No node: a constant.
struct Edge {
  Ref<Node> node;
  std::uint32_t output = 0;
};

struct TensorImpl final : Counted {
  TensorImpl(Ref<Buffer> memory, const Shape& sizes, Dtype type);  // all of the memory, row-major; lies in room()
  TensorImpl(const TensorImpl& base, const Shape& sizes, const Dims& steps, std::int64_t offset);

  Dtype dtype;
  bool contiguous;
  bool in_room;  // of its Buffer's block: Note [One block] in tensor.cpp
  Ref<Buffer> buffer;
  void* data;  // the first element
  Shape shape;
  Dims strides;
  Edge edge;

  static void destroy(TensorImpl* impl) noexcept;
};

}  // namespace detail

// What an operation promises of its output.
struct Spec {
  Shape shape;
  Dtype dtype = float32;
};

// Copying a Tensor copies the handle; both then are the same array. Handles may be passed between threads;
// one handle is used by one thread at a time, like a shared_ptr. Operations on tensors are free functions
// (autograd/ops.h).
class Tensor {
 public:
  Tensor() = default;  // undefined: no array. Everything but defined(), assignment and destruction is an Error

  bool defined() const { return static_cast<bool>(p_); }
  const Shape& shape() const { return impl().shape; }
  const Dims& strides() const { return impl().strides; }
  Dtype dtype() const { return impl().dtype; }
  int dim() const { return impl().shape.rank(); }
  std::int64_t numel() const { return impl().shape.numel(); }
  bool is_contiguous() const { return impl().contiguous; }
  // The size of dimension `dim`; negative dims count from the end. Error if there is none.
  std::int64_t size(int dim) const;

  // The elements, in the order that strides() says. T must be the dtype's C++ type, or Error. Asking for a
  // non-const T counts as a write: a tensor saved for backward and then written is found out (Note
  // [Versions]).
  //
  //   float* p = x.data<float>();               // to write
  //   const float* p = x.data<const float>();   // to read
  template <class T>
  T* data() const {
    check_dtype(dtype_of<T>());
    if constexpr (!std::is_const_v<T>) mark_written("data<T>()");
    return static_cast<T*>(impl().data);
  }
  // The elements in row-major order, converted to T.
  template <class T>
  std::vector<T> to_vector() const;

  // The one element of a tensor that has just one.
  double item() const;
  template <class T>
  T item() const {
    return static_cast<T>(dtype() == int64 ? static_cast<T>(item_int64()) : static_cast<T>(item()));
  }

  // -- the graph

  // True if gradients flow through this tensor: a leaf that wants one, or something computed from such.
  bool requires_grad() const { return static_cast<bool>(impl().edge.node); }
  // Makes a leaf that wants a gradient, or no longer wants one. Error for integers and for computed tensors.
  Tensor& set_requires_grad(bool wanted = true);
  bool is_leaf() const;
  // The operation that computed this tensor ("mul"); empty for leaves and constants.
  std::string_view grad_fn() const;

  // The gradient that backward has summed for this leaf; undefined before. It never shares memory with a
  // gradient in flight.
  Tensor grad() const;
  void set_grad(const Tensor& gradient);
  void zero_grad() { set_grad(Tensor()); }

  // d(this)/d(leaf) is added to leaf.grad() for every leaf that this tensor was computed from. `gradient` is
  // dL/d(this), of this shape and dtype; without it this must have one element, and 1 is taken. Frees what
  // the graph has saved unless retain_graph. Leaves change only when the whole pass has succeeded.
  //
  //   auto loss = cross_entropy(net(images), labels);
  //   loss.backward({.expect = named_parameters(net)});
  void backward(const BackwardOptions& options = {}) const;
  void backward(const Tensor& gradient, const BackwardOptions& options = {}) const;

  // Calls `hook` with this tensor's gradient whenever backward has it complete; a defined result replaces it.
  // The tensor must require grad. Hooks run in the order of registration.
  void register_hook(std::function<Tensor(const Tensor&)> hook) const;

  // The same memory, without history.
  Tensor detach() const;

  // -- copies, all of them differentiable

  Tensor to(Dtype dtype) const;  // itself if it has that dtype
  Tensor contiguous() const;     // itself if it is
  Tensor clone() const;          // always a new, contiguous array

  // -- writes. Allowed where no history is lost: on tensors that do not require grad, or under NoGrad. Each
  // returns this tensor. `source` broadcasts and is converted.
  const Tensor& copy_(const Tensor& source) const;
  const Tensor& fill_(double value) const;
  const Tensor& zero_() const { return fill_(0); }
  const Tensor& add_(const Tensor& other, double alpha = 1) const;
  const Tensor& mul_(double factor) const;

  // -- indexing; autograd/functions/index.h explains it

  // x[i]: the i-th slice along the first dimension, negative from the end.
  Tensor operator[](std::int64_t index) const;
  // x[i, j, ..] of NumPy: x.at(Slice(1, 5), ellipsis, 0).
  template <class... I>
  Tensor at(const I&... indices) const;
  Tensor at(std::span<const Index> indices) const;
  // x[i, j, ..] = values and x[i, j, ..] += values, in place: x.set_at({Slice(1, 5), ellipsis, 0}, y). These are writes
  // as those above.
  const Tensor& set_at(std::initializer_list<Index> indices, const Tensor& values) const;
  const Tensor& set_at(std::initializer_list<Index> indices, double value) const;
  const Tensor& set_at(std::span<const Index> indices, const Tensor& values) const;
  const Tensor& add_at(std::initializer_list<Index> indices, const Tensor& values) const;
  const Tensor& add_at(std::span<const Index> indices, const Tensor& values) const;

  // -- for operations and kernels

  View view() const {
    const auto& t = impl();
    return {t.data, &t.shape, &t.strides, t.dtype, t.contiguous};
  }
  View writable(const char* writer) const {
    mark_written(writer);
    return view();
  }
  detail::TensorImpl& impl() const {
    if (!p_) undefined();
    return *p_;
  }
  const Ref<detail::TensorImpl>& handle() const { return p_; }
  explicit Tensor(Ref<detail::TensorImpl> p) : p_(std::move(p)) {}
  // True if the array is dense and nobody but this handle can see it.
  bool is_exclusive() const { return p_.unique() && p_->buffer.unique() && p_->contiguous; }
  // Number of writes so far to the memory this tensor lives in.
  std::uint32_t version() const { return impl().buffer->version; }
  // Prepares a tensor without history for another thread: see Counted.
  const Tensor& hand_over() const;

 private:
  [[noreturn]] static void undefined();
  void check_dtype(Dtype asked) const;
  void mark_written(const char* writer) const {
    auto& buffer = *impl().buffer;
    ++buffer.version;
    buffer.writer = writer;
  }
  std::int64_t item_int64() const;

  Ref<detail::TensorImpl> p_;
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// An uninitialised array.
Tensor empty(const Shape& shape, Dtype dtype = float32);

// The same memory seen with another shape, strides and first element, `offset` elements on. Without history.
Tensor alias(const Tensor& x, const Shape& shape, const Dims& strides, std::int64_t offset);

// "float32 [64, 10]", for messages.
std::string describe(const Tensor& x);

// The elements as NumPy prints them; of more than 1000, three from each end of every dimension.
// autograd/print.h lets fmt print tensors too.
//
//   [[1.   2.5]
//    [3.  -4. ]]
std::string to_string(const Tensor& x);
std::ostream& operator<<(std::ostream& out, const Tensor& x);

}  // namespace ebb
