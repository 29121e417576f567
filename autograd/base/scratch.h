// Working memory of kernels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "autograd/base/memory.h"
#include "autograd/base/parallel.h"

namespace ebb::memory {

// Working memory of a kernel for one call: an array of T, uninitialised.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t count)
      : bytes_(static_cast<std::size_t>(count) * sizeof(T)),
        lent_(detail::inside_loop()),
        data_(static_cast<T*>(lent_ ? borrow(bytes_) : allocate(bytes_))) {}
  ~Scratch() { lent_ ? give_back(data_, bytes_) : release(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() const { return data_; }
  T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  std::size_t bytes_;
  bool lent_;
  T* data_;
};

}  // namespace ebb::memory
