// Pictures of graphs.
#include <doctest/doctest.h>

#include <string>

#include "autograd/autograd.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("a graph in Graphviz's language") {
  const Tensor w = ones({2, 3}).set_requires_grad(), x = ones({2, 3});
  const Tensor y = sum(tanh(w * x) * w);
  const NamedTensor names[] = {{"layer.\"w\"", w}};
  CHECK(graph_dot(y, names) ==
        "digraph {\n"
        "  node [shape=box, fontname=\"sans-serif\"];\n"
        "  n0 [label=\"sum\\nfloat32 []\"];\n"
        "  n1 [label=\"mul\\nfloat32 [2, 3]\"];\n"
        "  n2 [label=\"tanh\\nfloat32 [2, 3]\"];\n"
        "  n3 [label=\"mul\\nfloat32 [2, 3]\"];\n"
        "  n4 [label=\"layer.\\\"w\\\"\\nfloat32 [2, 3]\", style=rounded];\n"
        "  n1 -> n0;\n"
        "  n2 -> n1;\n"
        "  n4 -> n1;\n"
        "  n3 -> n2;\n"
        "  n4 -> n3;\n"
        "}\n");
}

TEST_CASE("a graph as a picture") {
  const Tensor a = ones({2}).set_requires_grad(), b = ones({2}).set_requires_grad();
  const Tensor y = sum(a * b + a);
  const NamedTensor names[] = {{"a<b&c", a}};
  const std::string svg = graph_svg(y, names);
  CHECK(count(svg, "<line ") == 5);  // sum-add, add-mul, add-a, mul-a, mul-b
  CHECK(count(svg, "<rect") == 1 + 5);
  CHECK(count(svg, "class=\"leaf\"") == 2);
  CHECK(count(svg, "a&lt;b&amp;c") == 1);
  CHECK(count(svg, ">leaf</text>") == 1);
  // Layers from the top: the leaves, mul, add, sum; two leaves side by side.
  CHECK(count(svg, "height=\"290\"") == 2);
  CHECK(count(svg, "width=\"420\"") == 2);
  CHECK_ERROR(graph_dot(ones({2})),
              "graph: the tensor (float32 [2]) does not require grad, so nothing is known of how it was computed");
}
