#include "autograd/kernels/decompose.h"

// Eigen's templates get a name of their own here: compiled for this file's instruction set, they must not be taken for those
// of a program that uses Eigen itself.
#define Eigen ebb_eigen
#define EIGEN_MPL2_ONLY
#define EIGEN_NO_DEBUG
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <Eigen/QR>
#include <Eigen/SVD>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/kernels/axes.h"
#include "autograd/kernels/gemm.h"

namespace ebb::kernels {
namespace {

using Eigen::Index;
using Matrix = Eigen::MatrixXd;  // double for float32 too: half the code, and no digit of the input is lost

// The matrices of a view.
class Matrices {
 public:
  explicit Matrices(const View& v) : view_(v), last_(v.rank() - 1) {
    for (int d = 0; d < v.rank() - 2; ++d) outer_.push_back({v.size(d), {v.stride(d)}});
  }
  Index rows() const { return view_.size(last_ - 1); }
  Index columns() const { return view_.size(last_); }
  std::int64_t count() const { return outer_.count(); }

  void load(Matrix& to, std::int64_t i) const {
    const std::int64_t first = outer_.offset(i)[0], down = view_.stride(last_ - 1), along = view_.stride(last_);
    to.resize(rows(), columns());
    visit_floating(view_.dtype, [&]<class T>(T*) {
      const T* from = view_.as<const T>() + first;
      for (Index c = 0; c < to.cols(); ++c)
        for (Index r = 0; r < to.rows(); ++r) to(r, c) = static_cast<double>(from[r * down + c * along]);
    });
  }

  // Calls f(begin, end) on pieces of their numbers, in parallel. Without elements in the results there is nothing to do, however
  // many they are.
  template <class F>
  void for_each(std::initializer_list<View> results, F&& f) const {
    const auto empty = [](const View& v) { return v.numel() == 0; };
    if (std::all_of(results.begin(), results.end(), empty)) return;
    constexpr double kWork = 2e4;  // products of elements worth a piece
    const auto m = static_cast<double>(rows()), n = static_cast<double>(columns());
    const double grain = kWork / (m * n * std::max(m, n) + 1);
    parallel_for(count(), std::max<std::int64_t>(1, static_cast<std::int64_t>(grain)), std::forward<F>(f));
  }

 private:
  View view_;
  int last_;
  Axes<1> outer_;
};

// Matrix number i of a contiguous result; a column for a vector.
void store(const View& y, std::int64_t i, const Matrix& from) {
  visit_floating(y.dtype, [&]<class T>(T*) {
    T* to = y.as<T>() + i * from.size();
    for (Index r = 0; r < from.rows(); ++r)
      for (Index c = 0; c < from.cols(); ++c) *to++ = static_cast<T>(from(r, c));
  });
}

// The first of the matrices that have no result.
class Refused {
 public:
  void note(std::int64_t i) {
    std::int64_t least = first_;
    while (i < least && !first_.compare_exchange_weak(least, i)) {}
  }
  // An Error if there is one: `what` it is.
  void check(const char* op, const View& a, const char* what) const {
    if (first_ == kNone) return;
    if (a.rank() == 2) fail("{}: the matrix {} {}", op, *a.shape, what);
    fail("{}: matrix {} of {} {}", op, first_.load(), *a.shape, what);
  }

 private:
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
  std::atomic<std::int64_t> first_ = kNone;
};

constexpr const char* kSingular = "is singular; pinv() has an answer for matrices without an inverse";
constexpr const char* kEndless = "has no decomposition; isfinite() finds NaN and infinity";

// b = A⁻¹ b of a triangular A. Eigen forms references to elements even where b has none.
template <unsigned mode>
void solve_triangle(const Matrix& a, Matrix& b) {
  if (b.size() > 0) a.triangularView<mode>().solveInPlace(b);
}

// A = P L U in the place of A: L, whose diagonal is ones, below the diagonal.
class Lu {
 public:
  void factorise(Matrix& a) {
    const Index size = std::min(a.rows(), a.cols()), rest = a.cols() - size;
    swaps_.resize(static_cast<std::size_t>(size));
    count_ = 0;
    singular_ = false;
    if (size == 0) return;
    using Blocked = Eigen::internal::partial_lu_impl<double, Eigen::ColMajor, int>;
    singular_ = Blocked::blocked_lu(a.rows(), size, a.data(), a.rows(), swaps_.data(), count_) >= 0;
    if (rest == 0) return;
    auto right = a.rightCols(rest);
    swap_rows(right);
    a.leftCols(size).triangularView<Eigen::UnitLower>().solveInPlace(right);
  }
  bool singular() const { return singular_; }
  double sign() const { return count_ % 2 == 0 ? 1 : -1; }

  template <class M>
  void swap_rows(M&& b) const {
    for (std::size_t k = 0; k < swaps_.size(); ++k) b.row(static_cast<Index>(k)).swap(b.row(swaps_[k]));
  }
  // b = A⁻¹ b
  void solve(const Matrix& factors, Matrix& b) const {
    swap_rows(b);
    solve_triangle<Eigen::UnitLower>(factors, b);
    solve_triangle<Eigen::Upper>(factors, b);
  }
  double determinant(const Matrix& factors) const { return sign() * factors.diagonal().prod(); }

 private:
  std::vector<int> swaps_;  // row k changed places with row swaps_[k]
  int count_ = 0;
  bool singular_ = false;
};

// The sign of the element largest in magnitude. One as large but for rounding counts as equal.
double sign_of(const Eigen::Ref<const Eigen::VectorXd>& x) {
  const double largest = x.cwiseAbs().maxCoeff() * (1 - 1e-9);
  for (Index i = 0; i < x.size(); ++i)
    if (std::abs(x[i]) >= largest) return x[i] < 0 ? -1 : 1;
  return 1;
}

using Svd = Eigen::BDCSVD<Matrix>;
constexpr unsigned kThin = Eigen::ComputeThinU | Eigen::ComputeThinV;

// a = b c
void multiply(Matrix& a, const Matrix& b, const Matrix& c) {
  const Index n = b.rows();
  a.resize(n, n);
  // A row of what lies in memory is a column: aᵀ = cᵀ bᵀ.
  gemm_serial(Gemm<double>{n, n, n, c.data(), n, 1, b.data(), n, 1, a.data(), n});
}

// Calls f(LU factors, their Lu, i) for each matrix.
template <class F>
void for_each_lu(const View& a, std::initializer_list<View> results, F&& f) {
  const Matrices from(a);
  from.for_each(results, [&](std::int64_t begin, std::int64_t end) {
    Matrix factors;
    Lu lu;
    for (std::int64_t i = begin; i < end; ++i) {
      from.load(factors, i);
      lu.factorise(factors);
      f(factors, lu, i);
    }
  });
}

// x = A⁻¹ b, where right(b, i) makes b.
template <class Right>
void solve_each(const char* op, const View& x, const View& a, Right&& right) {
  Refused refused;
  for_each_lu(a, {x}, [&](const Matrix& factors, const Lu& lu, std::int64_t i) {
    if (lu.singular()) return refused.note(i);
    Matrix b;
    right(b, i);
    lu.solve(factors, b);
    store(x, i, b);
  });
  refused.check(op, a, kSingular);
}

}  // namespace

void inverse(const View& x, const View& a) {
  const Index n = a.size(a.rank() - 1);
  solve_each("inv", x, a, [&](Matrix& b, std::int64_t) { b.setIdentity(n, n); });
}

void solve(const View& x, const View& a, const View& b) {
  const Matrices right(b);
  solve_each("solve", x, a, [&](Matrix& to, std::int64_t i) { right.load(to, i); });
}

void solve_triangular(const View& x, const View& a, const View& b, bool upper, bool unit) {
  const Matrices from(a), right(b);
  Refused refused;
  from.for_each({x}, [&](std::int64_t begin, std::int64_t end) {
    Matrix triangle, to;
    for (std::int64_t i = begin; i < end; ++i) {
      from.load(triangle, i);
      right.load(to, i);
      if (unit) triangle.diagonal().setOnes();
      if ((triangle.diagonal().array() == 0).any()) refused.note(i);
      else if (upper) solve_triangle<Eigen::Upper>(triangle, to);
      else solve_triangle<Eigen::Lower>(triangle, to);
      store(x, i, to);
    }
  });
  refused.check("solve_triangular", a, kSingular);
}

void cholesky(const View& l, const View& a) {
  const Matrices from(a);
  Refused refused;
  from.for_each({l}, [&](std::int64_t begin, std::int64_t end) {
    Matrix x;
    for (std::int64_t i = begin; i < end; ++i) {
      from.load(x, i);
      if (Eigen::LLT<Eigen::Ref<Matrix>>(x).info() != Eigen::Success || x.diagonal().hasNaN()) refused.note(i);
      x.triangularView<Eigen::StrictlyUpper>().setZero();
      store(l, i, x);
    }
  });
  refused.check("cholesky", a, "is not positive definite; lu() and eigh() take others");
}

void lu(const View& l, const View& u, const View& p, const View& a) {
  const Index m = a.size(a.rank() - 2), n = a.size(a.rank() - 1), k = std::min(m, n);
  for_each_lu(a, {l, u, p}, [&](const Matrix& factors, const Lu& done, std::int64_t i) {
    Matrix lower = factors.leftCols(k).triangularView<Eigen::StrictlyLower>();
    lower.diagonal().setOnes();
    Matrix order = Matrix::Identity(m, m);
    done.swap_rows(order);
    store(l, i, lower);
    store(u, i, factors.topRows(k).triangularView<Eigen::Upper>());
    store(p, i, order.transpose());
  });
}

void qr(const View& q, const View& r, const View& a) {
  const Matrices from(a);
  const Index columns = q.size(q.rank() - 1);
  from.for_each({q, r}, [&](std::int64_t begin, std::int64_t end) {
    Matrix x;
    for (std::int64_t i = begin; i < end; ++i) {
      from.load(x, i);
      const Eigen::HouseholderQR<Eigen::Ref<Matrix>> done(x);
      Matrix orthogonal = Matrix::Identity(from.rows(), columns);
      orthogonal.applyOnTheLeft(done.householderQ());
      store(q, i, orthogonal);
      store(r, i, x.topRows(columns).triangularView<Eigen::Upper>());
    }
  });
}

void eigh(const View& w, const View& v, const View& a, bool upper) {
  const Matrices from(a);
  Refused refused;
  from.for_each({w, v}, [&](std::int64_t begin, std::int64_t end) {
    Matrix x;
    Eigen::SelfAdjointEigenSolver<Matrix> solver;
    for (std::int64_t i = begin; i < end; ++i) {
      from.load(x, i);
      if (upper) x.transposeInPlace();
      x.triangularView<Eigen::StrictlyUpper>().setZero();
      if (x.allFinite() && solver.compute(x).info() == Eigen::Success) {
        x = solver.eigenvectors();
        for (Index j = 0; j < x.cols(); ++j) x.col(j) *= sign_of(x.col(j));
        store(w, i, solver.eigenvalues());
        store(v, i, x);
      } else {
        refused.note(i);
      }
    }
  });
  refused.check("eigh", a, kEndless);
}

void svd(const View& u, const View& s, const View& vh, const View& a) {
  const Matrices from(a);
  const Index k = std::min(from.rows(), from.columns());
  const bool full = u.size(u.rank() - 1) > k || vh.size(vh.rank() - 2) > k;
  Refused refused;
  from.for_each({u, s, vh}, [&](std::int64_t begin, std::int64_t end) {
    Matrix x, left, right;
    Svd solver;
    for (std::int64_t i = begin; i < end; ++i) {
      from.load(x, i);
      if (!x.allFinite()) {
        refused.note(i);
        continue;
      }
      if (k > 0) {
        solver.compute(x, full ? Eigen::ComputeFullU | Eigen::ComputeFullV : kThin);
        left = solver.matrixU();
        right = solver.matrixV();
        store(s, i, solver.singularValues());
      } else {
        left.setIdentity(from.rows(), full ? from.rows() : 0);
        right.setIdentity(from.columns(), full ? from.columns() : 0);
      }
      for (Index j = 0; j < right.cols(); ++j) {
        const double sign = sign_of(right.col(j));
        right.col(j) *= sign;
        if (j < k) left.col(j) *= sign;
      }
      for (Index j = k; j < left.cols(); ++j) left.col(j) *= sign_of(left.col(j));
      store(u, i, left);
      store(vh, i, right.transpose());
    }
  });
  refused.check("svd", a, kEndless);
}

void determinant(const View& y, const View& a) {
  for_each_lu(a, {y}, [&](const Matrix& factors, const Lu& lu, std::int64_t i) {
    store(y, i, Matrix::Constant(1, 1, lu.determinant(factors)));
  });
}

void determinant_log(const View& logarithm, const View& sign, const View& a) {
  for_each_lu(a, {logarithm, sign}, [&](const Matrix& factors, const Lu& lu, std::int64_t i) {
    double log = 0, of_all = lu.sign();
    for (Index k = 0; k < factors.rows(); ++k) {
      const double pivot = factors(k, k);
      log += std::log(std::abs(pivot));
      of_all *= pivot > 0 ? 1 : pivot < 0 ? -1 : pivot;
    }
    store(logarithm, i, Matrix::Constant(1, 1, log));
    store(sign, i, Matrix::Constant(1, 1, of_all));
  });
}

void adjugate(const View& y, const View& a) {
  constexpr double kRegular = 1e-6;  // pivots as different as that cost the inverse six digits
  const Matrices from(a);
  for_each_lu(a, {y}, [&](Matrix& factors, const Lu& lu, std::int64_t i) {
    const Index n = factors.rows();
    const auto pivots = factors.diagonal().cwiseAbs();
    Matrix result;
    if (pivots.minCoeff() > kRegular * pivots.maxCoeff()) {
      result.setIdentity(n, n);
      lu.solve(factors, result);
      result *= lu.determinant(factors);
    } else if (Matrix x; from.load(x, i), !x.allFinite()) {
      result.setConstant(n, n, std::numeric_limits<double>::quiet_NaN());
    } else {
      // of U S Vᵀ: det(U) det(V) V adj(S) Uᵀ
      const Svd svd(x, kThin);
      Eigen::VectorXd others(n);
      for (Index j = 0; j < n; ++j)
        others[j] = svd.singularValues().head(j).prod() * svd.singularValues().tail(n - 1 - j).prod();
      result = svd.matrixV() * others.asDiagonal() * svd.matrixU().transpose();
      x = svd.matrixU() * svd.matrixV().transpose();
      Lu orthogonal;
      orthogonal.factorise(x);
      if (orthogonal.determinant(x) < 0) result = -result;
    }
    store(y, i, result);
  });
}

void pseudoinverse(const View& y, const View& a, double absolute, double relative) {
  const Matrices from(a);
  Refused refused;
  from.for_each({y}, [&](std::int64_t begin, std::int64_t end) {
    Matrix x;
    Svd svd;
    for (std::int64_t i = begin; i < end; ++i) {
      from.load(x, i);
      if (!x.allFinite()) {
        refused.note(i);
        continue;
      }
      svd.compute(x, kThin);
      Eigen::VectorXd s = svd.singularValues();
      const double least = std::max(absolute, relative * s[0]);
      for (auto& value : s) value = value > least ? 1 / value : 0;
      store(y, i, svd.matrixV() * s.asDiagonal() * svd.matrixU().transpose());
    }
  });
  refused.check("pinv", a, kEndless);
}

void matrix_exponential(const View& y, const View& a) {
  constexpr double kTheta = 5.371920351148152;  // up to this norm the approximation is exact in double
  constexpr double b[] = {64764752532480000.,
                          32382376266240000.,
                          7771770303897600.,
                          1187353796428800.,
                          129060195264000.,
                          10559470521600.,
                          670442572800.,
                          33522128640.,
                          1323241920.,
                          40840800.,
                          960960.,
                          16380.,
                          182.,
                          1.};
  const Matrices from(a);
  const Index n = from.rows();
  from.for_each({y}, [&](std::int64_t begin, std::int64_t end) {
    Matrix x, x2, x4, x6, sum, odd, even;
    Lu lu;
    for (std::int64_t i = begin; i < end; ++i) {
      from.load(x, i);
      const double norm = x.cwiseAbs().colwise().sum().maxCoeff();
      if (!std::isfinite(norm) || !x.allFinite()) {
        store(y, i, Matrix::Constant(n, n, std::numeric_limits<double>::quiet_NaN()));
        continue;
      }
      const int squarings = norm > kTheta ? static_cast<int>(std::ceil(std::log2(norm / kTheta))) : 0;
      x *= std::ldexp(1.0, -squarings);
      multiply(x2, x, x);
      multiply(x4, x2, x2);
      multiply(x6, x4, x2);
      sum = b[13] * x6 + b[11] * x4 + b[9] * x2;
      multiply(even, x6, sum);
      sum = even + b[7] * x6 + b[5] * x4 + b[3] * x2;
      sum.diagonal().array() += b[1];
      multiply(odd, x, sum);
      sum = b[12] * x6 + b[10] * x4 + b[8] * x2;
      multiply(even, x6, sum);
      even += b[6] * x6 + b[4] * x4 + b[2] * x2;
      even.diagonal().array() += b[0];
      sum = even - odd;
      x = even + odd;
      lu.factorise(sum);
      lu.solve(sum, x);
      for (int k = 0; k < squarings; ++k) {
        multiply(sum, x, x);
        x.swap(sum);
      }
      store(y, i, x);
    }
  });
}

}  // namespace ebb::kernels
