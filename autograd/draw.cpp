#include "autograd/draw.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/node.h"

namespace ebb {
namespace {

struct Box {
  std::string title, outputs;
  bool leaf;
  std::vector<std::size_t> inputs;  // boxes, all of them later ones
  std::size_t layer = 0;            // below the longest way from the output
  double x = 0;
};

std::string specs_of(const Node& node) {
  std::string text;
  for (const auto& spec : node.outputs())
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", spec.dtype, to_string(spec.shape));
  return text;
}

// The boxes by descending id, so that inputs come after what takes them.
std::vector<Box> boxes_of(const Tensor& output, std::span<const NamedTensor> names) {
  if (!output.defined() || !output.requires_grad())
    fail("graph: the tensor ({}) does not require grad, so nothing is known of how it was computed",
         describe(output));
  std::unordered_map<const Node*, std::string_view> name_of;
  for (const auto& [name, x] : names)
    if (x.defined() && x.requires_grad()) name_of.emplace(x.impl().edge.node.get(), name);

  std::unordered_map<const Node*, std::size_t> place;
  std::vector<const Node*> nodes{output.impl().edge.node.get()};
  place.emplace(nodes[0], 0);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const auto& edge : nodes[i]->edges())
      if (edge.node && place.emplace(edge.node.get(), 0).second) nodes.push_back(edge.node.get());
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->id() > b->id(); });
  for (std::size_t i = 0; i < nodes.size(); ++i) place[nodes[i]] = i;

  std::vector<Box> boxes;
  for (const Node* node : nodes) {
    const auto named = name_of.find(node);
    const std::string_view title = named != name_of.end() ? named->second : node->name();
    boxes.push_back({std::string(title), specs_of(*node), node->is_leaf(), {}});
    for (const auto& edge : node->edges())
      if (edge.node) boxes.back().inputs.push_back(place[edge.node.get()]);
  }
  return boxes;
}

std::string escaped(std::string_view text, std::initializer_list<std::pair<char, std::string_view>> signs) {
  std::string result;
  for (const char c : text) {
    const auto sign = std::find_if(signs.begin(), signs.end(), [&](const auto& s) { return s.first == c; });
    if (sign != signs.end()) result += sign->second;
    else result += c;
  }
  return result;
}

// Layers by the longest way from the output; in each, boxes in the order of the mean place of what takes them.
std::size_t arrange(std::vector<Box>& boxes) {
  std::size_t layers = 0;
  std::vector<std::pair<double, int>> taken(boxes.size());  // sum of the places of what takes a box, and how many
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    layers = std::max(layers, boxes[i].layer + 1);
    for (const auto input : boxes[i].inputs) boxes[input].layer = std::max(boxes[input].layer, boxes[i].layer + 1);
  }
  for (std::size_t layer = 0; layer < layers; ++layer) {
    std::vector<std::size_t> row;
    for (std::size_t i = 0; i < boxes.size(); ++i)
      if (boxes[i].layer == layer) row.push_back(i);
    const auto mean = [&](std::size_t i) { return taken[i].second ? taken[i].first / taken[i].second : 0.0; };
    std::stable_sort(row.begin(), row.end(), [&](std::size_t a, std::size_t b) { return mean(a) < mean(b); });
    for (std::size_t k = 0; k < row.size(); ++k) {
      auto& box = boxes[row[k]];
      box.x = static_cast<double>(k) - static_cast<double>(row.size() - 1) / 2;
      for (const auto input : box.inputs) {
        taken[input].first += box.x;
        ++taken[input].second;
      }
    }
  }
  return layers;
}

}  // namespace

std::string graph_dot(const Tensor& output, std::span<const NamedTensor> names) {
  const auto boxes = boxes_of(output, names);
  std::string text = "digraph {\n  node [shape=box, fontname=\"sans-serif\"];\n";
  for (std::size_t i = 0; i < boxes.size(); ++i)
    text +=
        fmt::format("  n{} [label=\"{}\\n{}\"{}];\n", i, escaped(boxes[i].title, {{'"', "\\\""}, {'\\', "\\\\"}}),
                    boxes[i].outputs, boxes[i].leaf ? ", style=rounded" : "");
  for (std::size_t i = 0; i < boxes.size(); ++i)
    for (const auto input : boxes[i].inputs) text += fmt::format("  n{} -> n{};\n", input, i);
  return text + "}\n";
}

std::string graph_svg(const Tensor& output, std::span<const NamedTensor> names) {
  constexpr double kWidth = 180, kHeight = 40, kColumn = 200, kRow = 70, kMargin = 20;
  auto boxes = boxes_of(output, names);
  const std::size_t layers = arrange(boxes);
  double widest = 0;
  for (const auto& box : boxes) widest = std::max(widest, box.x);
  const double width = 2 * (widest * kColumn + kWidth / 2 + kMargin),
               height = static_cast<double>(layers - 1) * kRow + kHeight + 2 * kMargin;
  const auto center = [&](const Box& box) { return width / 2 + box.x * kColumn; };
  const auto top = [&](const Box& box) { return kMargin + static_cast<double>(layers - 1 - box.layer) * kRow; };
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n"
      "<style>rect {{ fill: #eef; stroke: #557; }} .leaf {{ fill: #efe; }} line {{ stroke: #999; }}</style>\n"
      "<rect width=\"{0}\" height=\"{1}\" style=\"fill: white; stroke: none\"/>\n",
      width, height);
  for (const auto& box : boxes)
    for (const auto input : box.inputs)
      text += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n", center(boxes[input]),
                          top(boxes[input]) + kHeight, center(box), top(box));
  for (const auto& box : boxes)
    text += fmt::format(
        "<rect{} x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>\n"
        "<text x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\" font-size=\"10\">{}</text>\n",
        box.leaf ? " class=\"leaf\"" : "", center(box) - kWidth / 2, top(box), kWidth, kHeight, box.leaf ? 12 : 2,
        center(box), top(box) + 17, escaped(box.title, {{'<', "&lt;"}, {'&', "&amp;"}}), center(box),
        top(box) + 32, box.outputs);
  return text + "</svg>\n";
}

}  // namespace ebb
