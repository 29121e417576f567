#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ostream>
#include <string>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "autograd/tensor.h"

namespace ebb {
namespace {

// NumPy's defaults.
constexpr std::int64_t kThreshold = 1000, kEdge = 3;
constexpr std::size_t kLineWidth = 75;
constexpr int kPrecision = 8;

// A number with as few digits as tell it from its neighbours, at most kPrecision behind the point; `kind` is
// 'f' or 'e'.
template <class T>
int digits_needed(T value, char kind) {
  for (int p = 0; p < kPrecision; ++p) {
    const std::string text = kind == 'f' ? fmt::format("{:.{}f}", value, p) : fmt::format("{:.{}e}", value, p);
    if (static_cast<T>(std::strtod(text.c_str(), nullptr)) == value) return p;
  }
  return kPrecision;
}

std::string special(double value) { return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf"; }

void pad_left(std::vector<std::string>& texts) {
  std::size_t width = 0;
  for (const auto& t : texts) width = std::max(width, t.size());
  for (auto& t : texts) t.insert(0, width - t.size(), ' ');
}

// Numbers of very different size are written with exponents, all of one length; others with the point below the point.
template <class T>
std::vector<std::string> format_floats(const std::vector<T>& values) {
  double largest = 0, smallest = INFINITY;
  for (const auto v : values) {
    if (!std::isfinite(v) || v == 0) continue;
    largest = std::max(largest, std::abs(static_cast<double>(v)));
    smallest = std::min(smallest, std::abs(static_cast<double>(v)));
  }
  const bool exponents = largest > 0 && (largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1000);
  int precision = 0;
  for (const auto v : values)
    if (std::isfinite(v)) precision = std::max(precision, digits_needed(v, exponents ? 'e' : 'f'));
  std::vector<std::string> texts;
  for (const auto v : values) {
    if (!std::isfinite(v)) {
      texts.push_back(special(static_cast<double>(v)));
    } else if (exponents) {
      texts.push_back(fmt::format("{:#.{}e}", v, precision));
    } else {
      const int own = digits_needed(v, 'f');
      texts.push_back(fmt::format("{:#.{}f}", v, own) +
                      std::string(static_cast<std::size_t>(precision - own), ' '));
    }
  }
  pad_left(texts);
  return texts;
}

std::vector<std::string> format_elements(const Tensor& x) {
  std::vector<std::string> texts;
  if (x.dtype() == float32) return format_floats(x.to_vector<float>());
  if (x.dtype() == float64) return format_floats(x.to_vector<double>());
  for (const auto v : x.to_vector<std::int64_t>())
    texts.push_back(x.dtype() == boolean ? (v ? "True" : "False") : fmt::format("{}", v));
  pad_left(texts);
  return texts;
}

// The first and last kEdge of every long dimension.
Tensor edges_of(Tensor x) {
  for (int dim = 0; dim < x.dim(); ++dim)
    if (x.size(dim) > 2 * kEdge) x = cat({narrow(x, dim, 0, kEdge), narrow(x, dim, -kEdge, kEdge)}, dim);
  return x;
}

class Printer {
 public:
  explicit Printer(const Tensor& x) : shape_(x.shape()), summarised_(x.numel() > kThreshold) {
    texts_ = format_elements(summarised_ ? edges_of(x) : x);
  }

  std::string print() {
    if (shape_.rank() == 0) return texts_[0].substr(texts_[0].find_first_not_of(' '));
    if (shape_.numel() == 0) return "[]";
    print_dim(0);
    return out_;
  }

 private:
  bool shortened(int dim) const { return summarised_ && shape_[dim] > 2 * kEdge; }

  void print_dim(int dim) {
    out_ += '[';
    const std::int64_t count = shortened(dim) ? 2 * kEdge : shape_[dim];
    for (std::int64_t i = 0; i < count; ++i) {
      const bool gap = shortened(dim) && i == kEdge;
      if (dim + 1 == shape_.rank()) {
        if (gap) print_item("...");
        print_item(texts_[next_++]);
      } else {
        if (i > 0) new_block(dim);
        if (gap) {
          out_ += "...";
          new_block(dim);
        }
        print_dim(dim + 1);
      }
    }
    out_ += ']';
  }

  // Elements of a row stand side by side until the line is full.
  void print_item(const std::string& text) {
    const std::size_t column = out_.size() - (out_.rfind('\n') + 1);  // npos + 1 is 0
    if (out_.back() != '[') {
      if (column + text.size() + 1 >= kLineWidth) indent(shape_.rank());
      else out_ += ' ';
    }
    out_ += text;
  }

  void new_block(int dim) {
    out_.append(static_cast<std::size_t>(shape_.rank() - dim - 2), '\n');  // matrices are set apart by empty lines
    indent(dim + 1);
  }
  void indent(int depth) {
    out_ += '\n';
    out_.append(static_cast<std::size_t>(depth), ' ');
  }

  Shape shape_;
  bool summarised_;
  std::vector<std::string> texts_;
  std::size_t next_ = 0;
  std::string out_;
};

}  // namespace

std::string to_string(const Tensor& x) {
  if (!x.defined()) return "undefined";
  const NoGrad off;
  return Printer(x.detach()).print();
}

std::ostream& operator<<(std::ostream& out, const Tensor& x) { return out << to_string(x); }

}  // namespace ebb
