// What docs/ops.md says of an operation beyond what the registry knows: its formulas, read from its struct, the dtypes
// that it takes, found by trying, and what scripts/op-table --measure has recorded.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/certify.h"

namespace ebb::test {

// The sources of all operations, one after another.
inline const std::string& operation_sources() {
  static const std::string text = [] {
    std::set<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(source_folder() / "autograd" / "ops"))
      files.insert(entry.path());
    std::stringstream all;
    for (const auto& file : files) all << std::ifstream(file).rdbuf() << "\nstruct ";
    return all.str();
  }();
  return text;
}

// From an opening brace to the one that closes it, without both.
inline std::string braced(const std::string& text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    if (depth == 0) return text.substr(open + 1, i - open - 1);
  }
  return "";
}

// The body of a function whose parameters begin at `paren`; nothing where it is only declared.
inline std::string body_after(const std::string& text, std::size_t paren) {
  const std::size_t end = text.find_first_of(";{", text.find(')', paren));
  return end == std::string::npos || text[end] == ';' ? "" : braced(text, end);
}

// "return g * b;" is "g * b"; what takes more than one statement is not shown.
inline std::string formula_of(const std::string& body) {
  std::stringstream lines(body), words;
  for (std::string line; std::getline(lines, line);) words << line.substr(0, line.find("//")) << ' ';
  std::string text;
  for (std::string word; words >> word;) text += (text.empty() ? "" : " ") + word;
  const bool is_one = text.starts_with("return ") && text.find(';') == text.size() - 1;
  return is_one ? text.substr(7, text.size() - 8) : "";
}

// gradN, where it is one expression: "0: `g * b`, 1: `g * a`".
inline std::string derivative_of(std::string_view op) {
  const std::string& all = operation_sources();
  const std::size_t at = all.find("string_view name = \"" + std::string(op) + "\"");
  if (at == std::string::npos) return "";
  const std::size_t begin = all.rfind("struct ", at), end = all.find("\nstruct ", at);
  const std::string text = all.substr(begin, end - begin);
  const std::string type = text.substr(7, text.find_first_of(" :{", 7) - 7);
  std::string formulas;
  for (int i = 0; i < 8; ++i) {
    const std::string name = "grad" + std::to_string(i) + "(";
    std::size_t declared = text.find("Tensor " + name);
    if (declared == std::string::npos) continue;
    std::string formula = formula_of(body_after(text, declared));
    const std::size_t elsewhere = all.find("Tensor " + type + "::" + name);
    if (formula.empty() && elsewhere != std::string::npos) formula = formula_of(body_after(all, elsewhere));
    if (!formula.empty()) formulas += (formulas.empty() ? "" : ", ") + std::to_string(i) + ": `" + formula + "`";
  }
  return formulas;
}

// Those of its floating inputs, or, if it has none, of inputs like its first, at which it is defined.
inline std::string dtypes_of(const Case& c) {
  const auto is_free = [&](const Tensor& x) {
    const bool any_floating = std::any_of(c.inputs.begin(), c.inputs.end(),
                                          [](const Tensor& t) { return t.defined() && is_floating(t.dtype()); });
    return x.defined() && (any_floating ? is_floating(x.dtype()) : x.dtype() == c.inputs[0].dtype());
  };
  std::string names;
  for (const Dtype dtype : {float32, float64, int64, int32, uint8, boolean}) {
    try {
      Tensors inputs;
      for (const auto& x : c.inputs) {
        const bool shrinks =
            is_free(x) && is_floating(x.dtype()) && !is_floating(dtype);  // to 0, which divides badly
        inputs.push_back(is_free(x) ? (shrinks ? x.detach() * 8 : x.detach()).to(dtype) : x);
      }
      (void)c.f(inputs);
      names += (names.empty() ? "" : " ") + std::string(name_of(dtype));
    } catch (const Error&) {}
  }
  return names == "float32 float64 int64 int32 uint8 bool" ? "all"
         : names == "float32 float64"                      ? "floating"
                                                           : names;
}

// Of the derivatives that finite differences certify.
inline std::string orders_of(const std::vector<Case>& cases, bool fused) {
  const auto any = [&](auto holds) { return std::any_of(cases.begin(), cases.end(), holds); };
  if (!any([](const Case& c) { return c.elements() > 0; })) return "";
  if (!any([](const Case& c) { return c.elements() > 0 && c.second_order; })) return "1";
  return fused ? "1, 2 by its reference" : "1, 2";
}

// -- what was measured, on one machine: docs/ops_measured.json

inline const Json& measured() {
  static const Json file = Json::parse(std::ifstream(source_folder() / "docs" / "ops_measured.json"));
  return file;
}

inline std::string error_text(const Json& error) {
  std::ostringstream text;
  if (error != 0) text << std::scientific << std::setprecision(0);
  text << error.get<double>();
  return text.str();
}
// How often ebb's time goes into PyTorch's, in two digits.
inline std::string speed_text(const Json& times) {
  const double speed = times[1].get<double>() / times[0].get<double>();
  const int magnitude = static_cast<int>(std::floor(std::log10(speed)));
  const double unit = std::pow(10, magnitude - 1);
  std::ostringstream text;
  text << std::fixed << std::setprecision(std::max(0, 1 - magnitude)) << unit * std::round(speed / unit);
  return text.str();
}

// "980 of 980": of the spoilt gradient formulas, those that the tests noticed.
inline std::string mutants_noticed() {
  std::ifstream file(source_folder() / "docs" / "mutants.md");
  for (std::string line; std::getline(file, line);)
    if (const auto end = line.find(" were noticed."); end != std::string::npos) return line.substr(0, end);
  return "none";
}

inline std::string machine_text() {
  const auto part = [](const char* key) { return measured()["machine"][key].get<std::string>(); };
  return part("processor") + " (" + part("instructions") + "), " + part("compiler") + ", PyTorch " +
         part("torch") + ", " + part("date");
}

// "forward / backward", or "forward" if there is no gradient; "-" if nothing is recorded.
template <class Text>
std::string both(const Json& entry, const char* forward, const char* backward, Text text) {
  if (!entry.contains(forward)) return "-";
  return text(entry[forward]) + (entry.contains(backward) ? " / " + text(entry[backward]) : "");
}

// | in a cell of a table would end it.
inline std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

}  // namespace ebb::test
