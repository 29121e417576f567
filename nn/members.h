// What a walk over a module finds: where its tensors are and what they are called.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/role.h"

namespace ebb::nn::detail {

enum class Role : std::uint8_t { parameter, buffer };

struct Member {
  std::string name;  // "blocks.0.conv1.weight"
  Role role;
  Tensor* tensor;  // inside the module
};

// Note [Walks are const]: one walk serves reading and changing, so it sees every module as const and Members
// keeps pointers to non-const. Only the functions that were given a non-const module write through them.
class Members {
 public:
  std::vector<Member> tensors;  // the defined ones
  std::vector<Mode*> modes;

  void add(const Parameter& parameter) { add(Role::parameter, parameter); }
  void add(const Buffer& buffer) { add(Role::buffer, buffer); }
  void add(const Mode& mode) { modes.push_back(const_cast<Mode*>(&mode)); }

  // While one lives, what is added is inside a member `name`. The empty name adds nothing to the path.
  class Scope {
   public:
    Scope(Members& members, std::string_view name);
    ~Scope() { members_.path_.resize(outer_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Members& members_;
    std::size_t outer_;
  };

 private:
  void add(Role role, const Tensor& tensor);

  std::string path_;
};

}  // namespace ebb::nn::detail
