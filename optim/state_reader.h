// Reads a state back by name, and says everything that is wrong with it in one Error.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::optim {

class StateReader {
 public:
  // `owner` is named in messages; `saved` outlives the reader.
  StateReader(std::string_view owner, std::span<const NamedTensor> saved);

  // A copy of the tensor of that name; undefined, and noted, if there is none of this shape and dtype.
  Tensor tensor(const std::string& name, const Spec& spec);
  // The float64 0-d tensor of that name; `otherwise`, and noted, if there is none.
  double number(const std::string& name, double otherwise);
  // Error if something was noted, or has not been asked for.
  void finish() const;

 private:
  std::string_view owner_;
  std::map<std::string_view, const Tensor*> unread_;
  std::vector<std::string> missing_, wrong_;
};

// A number as states hold it: float64, 0-d.
NamedTensor named_number(std::string name, double value);

}  // namespace ebb::optim
