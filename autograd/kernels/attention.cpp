#include "autograd/kernels/attention.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "autograd/base/divide.h"
#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/attention_runs.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/gemm.h"
#include "autograd/kernels/random_stream.h"

namespace ebb::kernels {
namespace {

template <class T>
struct Matrix {
  T* data;
  std::int64_t row, column;  // steps

  Matrix t() const { return {data, column, row}; }
  Matrix from(std::int64_t first_row) const { return {data + first_row * row, row, column}; }
};

struct Head {
  std::int64_t n, head;
};

// One head of [n, rows, heads, width].
template <class T>
Matrix<T> matrix(const View& x, Head h) {
  return {x.as<T>() + h.n * x.stride(0) + h.head * x.stride(2), x.stride(1), x.stride(3)};
}

// c[m×n] (+)= a[m×k] b[k×n]
template <class T>
void multiply(const Matrix<T>& c, const Matrix<T>& a, const Matrix<T>& b, std::int64_t m, std::int64_t n,
              std::int64_t k, bool accumulate) {
  gemm_serial(Gemm<T>{m, n, k, a.data, a.row, a.column, b.data, b.row, b.column, c.data, c.row, accumulate});
}

template <class T>
const AttentionRuns<T>& runs() {
  return std::get<AttentionRuns<T>>(attention_runs());
}

// How the rows of all heads are cut into blocks, whose scores are in memory at once, and into pieces of blocks for
// threads: by the sizes alone.
struct Cut {
  std::int64_t heads, rows, columns;
  std::int64_t block;   // rows
  std::int64_t piece;   // rows, a multiple of block
  std::int64_t pieces;  // of a head

  Cut(const View& q, const View& k) : heads(q.size(2)), rows(q.size(1)), columns(k.size(1)) {
    constexpr std::int64_t kScores = 1 << 16, kEnough = 16;
    block = std::clamp<std::int64_t>(kScores / std::max<std::int64_t>(columns, 1), 16, 64);
    const std::int64_t all = std::max<std::int64_t>(1, q.size(0) * heads), blocks = ceil_div(rows, block);
    pieces = std::clamp<std::int64_t>(ceil_div(kEnough, all), 1, std::max<std::int64_t>(blocks, 1));
    const std::int64_t each = std::max<std::int64_t>(ceil_div(blocks, pieces), 1);
    piece = each * block;
    pieces = std::max<std::int64_t>(ceil_div(blocks, each), 1);
  }

  // Calls f(head, number of the piece, first row, end) for all pieces, in parallel.
  template <class F>
  void for_each_piece(std::int64_t n, F&& f) const {
    parallel_for(n * heads * pieces, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t head = i / pieces, first = i % pieces * piece;
        f(Head{head / heads, head % heads}, i, first, std::min(first + piece, rows));
      }
    });
  }
};

// The masks of one head as numbers to add to its scores.
template <class T>
class Masks {
 public:
  Masks(const View& mask, Head h, std::int64_t block)
      : boolean_(mask.dtype == Dtype::bool_), data_(static_cast<const std::byte*>(mask.data)) {
    if (data_ == nullptr) return;
    columns_ = mask.size(3);
    row_ = mask.stride(2);
    column_ = mask.stride(3);
    data_ += (h.n * mask.stride(0) + h.head * mask.stride(1)) * size_of(mask.dtype);
    if (boolean_ || (column_ != 1 && columns_ > 1)) copy_.emplace(columns_ * (row_ == 0 ? 1 : block));
    if (copy_ && row_ == 0) copy_row(copy_->data(), 0);
  }

  // Gives s the masks of its rows, until the next call.
  void put_into(Scores<T>& s) const {
    if (data_ == nullptr) return;
    s.mask_step = copy_ && row_ != 0 ? columns_ : row_;
    s.mask = copy_ ? copy_->data() : reinterpret_cast<const T*>(data_) + s.first_row * row_;
    if (copy_ && row_ != 0)
      for (std::int64_t r = 0; r < s.rows; ++r) copy_row(copy_->data() + r * columns_, s.first_row + r);
  }

 private:
  void copy_row(T* to, std::int64_t row) const {
    if (boolean_) {
      runs<T>().additive(to, reinterpret_cast<const bool*>(data_) + row * row_, column_, columns_);
    } else {
      const T* from = reinterpret_cast<const T*>(data_) + row * row_;
      for (std::int64_t j = 0; j < columns_; ++j) to[j] = from[j * column_];
    }
  }

  bool boolean_;
  const std::byte* data_;
  std::int64_t columns_ = 0, row_ = 0, column_ = 0;
  std::optional<memory::Scratch<T>> copy_;
};

// One head, on one thread.
template <class T>
class HeadLoops {
 public:
  HeadLoops(const Cut& cut, Head h, const View& mask, const AttentionTerms& terms)
      : cut_(cut), terms_(terms), masks_(mask, h, cut.block), row_((h.n * cut.heads + h.head) * cut.rows) {}

  // Row `i` of this head is row number(i) of all.
  std::int64_t number(std::int64_t i) const { return row_ + i; }

  // Columns that a block ending at row `end` sees at most.
  std::int64_t visible(std::int64_t end) const {
    return terms_.causal ? std::min(end, cut_.columns) : cut_.columns;
  }

  // The scores of rows [first, end), still without scale.
  Scores<T> scores(T* x, std::int64_t first, std::int64_t end, const Matrix<T>& q, const Matrix<T>& kt,
                   std::int64_t e) {
    Scores<T> s{x, end - first, visible(end), terms_.scale, nullptr, 0, first, terms_.causal};
    multiply({x, s.columns, 1}, q.from(first), kt, s.rows, s.columns, e, false);
    masks_.put_into(s);
    return s;
  }

  // to ← s with some probabilities dropped, the others scaled; to may be s.x.
  void drop(const Scores<T>& s, T* to) const {
    const auto limit = static_cast<std::uint32_t>(threshold(1 - terms_.p) - 1);
    const auto run = std::get<RandomRuns<T>>(random_kernels().runs).dropout;
    const std::int64_t pitch = (cut_.columns + 3) / 4 * 4;
    for (std::int64_t r = 0; r < s.rows; ++r) {
      const std::int64_t begin = number(s.first_row + r) * pitch, row = r * s.columns - begin;
      Stream{terms_.seed, terms_.position}.for_each_chunk(
          begin, s.columns, [&](std::int64_t first, std::int64_t count, const std::uint32_t* bits) {
            run(to + row + first, s.x + row + first, bits, count, limit, 1 / (1 - terms_.p));
          });
    }
  }

 private:
  const Cut& cut_;
  const AttentionTerms& terms_;
  Masks<T> masks_;
  std::int64_t row_;
};

// The transpose of rows [0, rows) of x. Copied, if it is used more than once: products read it faster.
template <class T>
class Turned {
 public:
  Turned(const Matrix<T>& x, std::int64_t rows, std::int64_t width, bool copied) : matrix_(x.t()) {
    if (!copied) return;
    copy_.emplace(rows * width);
    const Shape shape{width, rows};
    const Dims from{x.column, x.row}, to{rows, 1};
    constexpr Dtype dtype = sizeof(T) == 4 ? float32 : float64;
    matrix_ = {copy_->data(), rows, 1};
    copy(View{matrix_.data, &shape, &to, dtype, true}, View{x.data, &shape, &from, dtype, false});
  }
  const Matrix<T>& matrix() const { return matrix_; }

 private:
  std::optional<memory::Scratch<T>> copy_;
  Matrix<T> matrix_;
};

template <class T>
void attention_of(const View& y, const View& logsumexp, const View& q, const View& k, const View& v,
                  const View& mask, const AttentionTerms& terms) {
  const Cut cut(q, k);
  const std::int64_t e = q.size(3), ev = v.size(3);
  cut.for_each_piece(q.size(0), [&](Head h, std::int64_t, std::int64_t begin, std::int64_t end) {
    HeadLoops<T> head(cut, h, mask, terms);
    const Turned<T> kt(matrix<T>(k, h), head.visible(end), e, end - begin > cut.block);
    const memory::Scratch<T> scores(cut.block * cut.columns);
    for (std::int64_t first = begin; first < end; first += cut.block) {
      const auto s =
          head.scores(scores.data(), first, std::min(first + cut.block, end), matrix<T>(q, h), kt.matrix(), e);
      runs<T>().softmax(s, logsumexp.as<T>() + head.number(first));
      if (terms.p > 0) head.drop(s, s.x);
      multiply(matrix<T>(y, h).from(first), {s.x, s.columns, 1}, matrix<T>(v, h), s.rows, ev, s.columns, false);
    }
  });
}

// With P the probabilities, P' those that dropout leaves and scales, and S the scores:
//   gv = P'ᵀ g, gP' = g vᵀ, gS = P' ∘ gP' - P ∘ Σ_j P'_ij gP'_ij, gq = scale gS k, gk = scale gSᵀ q,
// and Σ_j P'_ij gP'_ij = Σ_d g_id y_id.
template <class T>
void attention_backward_of(const AttentionGradients& to, const View& g, const View& q, const View& k,
                           const View& v, const View& mask, const View& y, const View& logsumexp,
                           const AttentionTerms& terms) {
  const Cut cut(q, k);
  const std::int64_t e = q.size(3), ev = v.size(3);
  // Pieces of one head add to gk and gv: each to its own part, if there are several.
  const bool shared = cut.pieces > 1;
  const std::int64_t part = cut.columns * (e + ev);
  const memory::Scratch<T> parts(shared ? q.size(0) * cut.heads * cut.pieces * part : 0);

  cut.for_each_piece(q.size(0), [&](Head h, std::int64_t piece, std::int64_t begin, std::int64_t end) {
    HeadLoops<T> head(cut, h, mask, terms);
    const bool several = end - begin > cut.block;
    const std::int64_t seen = head.visible(end), most = cut.block * cut.columns;
    const Turned<T> kt(matrix<T>(k, h), seen, e, several), vt(matrix<T>(v, h), seen, ev, several);
    Matrix<T> gk = matrix<T>(to.k, h), gv = matrix<T>(to.v, h);
    if (shared) {
      gk = {parts.data() + piece * part, e, 1};
      gv = {gk.data + cut.columns * e, ev, 1};
    }
    for (std::int64_t j = 0; j < cut.columns; ++j) {
      std::fill_n(gk.from(j).data, e, T(0));
      std::fill_n(gv.from(j).data, ev, T(0));
    }
    const memory::Scratch<T> scratch((terms.p > 0 ? 3 : 2) * most);
    const memory::Scratch<double> dots(cut.block);
    for (std::int64_t first = begin; first < end; first += cut.block) {
      const auto gi = matrix<T>(g, h).from(first), qi = matrix<T>(q, h).from(first),
                 yi = matrix<T>(y, h).from(first);
      const auto s =
          head.scores(scratch.data(), first, std::min(first + cut.block, end), matrix<T>(q, h), kt.matrix(), e);
      const std::int64_t rows = s.rows, columns = s.columns;
      runs<T>().probabilities(s, logsumexp.as<T>() + head.number(first));
      const Matrix<T> gs{scratch.data() + most, columns, 1};
      Matrix<T> dropped{s.x, columns, 1};
      if (terms.p > 0) head.drop(s, dropped.data = gs.data + most);

      multiply(gv, dropped.t(), gi, columns, ev, rows, true);
      multiply(gs, gi, vt.matrix(), rows, columns, ev, false);
      for (std::int64_t i = 0; i < rows; ++i) dots[i] = runs<T>().dot(gi.from(i).data, yi.from(i).data, ev);
      if (to.mask.data != nullptr) {
        T* gmask = to.mask.as<T>() + head.number(first) * cut.columns;
        std::copy_n(gs.data, rows * columns, gmask);
        runs<T>().gradient(gmask, s.x, dropped.data, dots.data(), rows, columns, 1);
      }
      runs<T>().gradient(gs.data, s.x, dropped.data, dots.data(), rows, columns, terms.scale);
      multiply(matrix<T>(to.q, h).from(first), gs, matrix<T>(k, h), rows, e, columns, false);
      multiply(gk, gs.t(), qi, columns, e, rows, true);
    }
  });
  if (!shared) return;

  // The parts of gk and gv in order.
  parallel_for(q.size(0) * cut.heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Head h{i / cut.heads, i % cut.heads};
      T* sum = parts.data() + i * cut.pieces * part;
      for (std::int64_t p = 1; p < cut.pieces; ++p)
        for (std::int64_t j = 0; j < part; ++j) sum[j] += sum[p * part + j];
      for (std::int64_t j = 0; j < cut.columns; ++j) {
        std::copy_n(sum + j * e, e, matrix<T>(to.k, h).from(j).data);
        std::copy_n(sum + cut.columns * e + j * ev, ev, matrix<T>(to.v, h).from(j).data);
      }
    }
  });
}

}  // namespace

void attention(const View& y, const View& logsumexp, const View& q, const View& k, const View& v, const View& mask,
               const AttentionTerms& terms) {
  if (logsumexp.numel() == 0) return;
  visit_floating(y.dtype, [&]<class T>(T*) { attention_of<T>(y, logsumexp, q, k, v, mask, terms); });
}

void attention_backward(const AttentionGradients& to, const View& g, const View& q, const View& k, const View& v,
                        const View& mask, const View& y, const View& logsumexp, const AttentionTerms& terms) {
  if (logsumexp.numel() == 0 && k.numel() == 0 && v.numel() == 0) return;
  visit_floating(g.dtype,
                 [&]<class T>(T*) { attention_backward_of<T>(to, g, q, k, v, mask, y, logsumexp, terms); });
}

}  // namespace ebb::kernels
