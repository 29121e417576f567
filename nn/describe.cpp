// describe(): a module's tensors as a table.
#include <algorithm>
#include <ostream>
#include <unordered_map>

#include "autograd/base/fail.h"
#include "nn/module.h"

namespace ebb {
namespace nn::detail {

Description describe(const Members& members) {
  Description table;
  std::unordered_map<const void*, std::string> first;
  for (const auto& [name, role, tensor] : members.tensors) {
    const auto [earlier, is_new] = first.emplace(tensor->handle().get(), name);
    std::string note;
    if (!is_new) note = "= " + earlier->second;
    else if (role == Role::buffer) note = "buffer";
    else if (!tensor->requires_grad()) note = "frozen";
    table.rows.push_back({name, tensor->shape(), tensor->dtype(), note});
    if (!is_new) continue;
    (role == Role::buffer ? table.buffers : table.parameters) += tensor->numel();
    if (tensor->requires_grad()) table.trained += tensor->numel();
  }
  return table;
}

}  // namespace nn::detail

std::string to_string(const Description& description) {
  struct Line {
    std::string name, shape, count, note;
  };
  std::vector<Line> lines;
  for (const auto& row : description.rows)
    lines.push_back(
        {row.name,
         row.dtype == float32 ? fmt::format("{}", row.shape) : fmt::format("{} {}", row.shape, row.dtype),
         fmt::format("{}", row.shape.numel()), row.note});
  const auto widest = [&](std::string Line::*column) {
    std::size_t width = 0;
    for (const auto& line : lines) width = std::max(width, (line.*column).size());
    return width;
  };
  const std::size_t name = widest(&Line::name), shape = widest(&Line::shape), count = widest(&Line::count);
  std::string text;
  for (const auto& line : lines) {
    text += fmt::format("{:<{}}  {:<{}}  {:>{}}", line.name, name, line.shape, shape, line.count, count);
    text += line.note.empty() ? "\n" : "  " + line.note + "\n";
  }
  return text + fmt::format("{} parameters, {} of them trained; {} elements in buffers\n", description.parameters,
                            description.trained, description.buffers);
}

std::ostream& operator<<(std::ostream& out, const Description& description) {
  return out << to_string(description);
}

}  // namespace ebb
