// Factorisations of matrices and what is made with them. The gradients are formulas in public operations: Giles, An extended
// collection of matrix derivative results for forward and reverse mode, 2008, where nothing else is named.
#pragma once

#include <array>

#include "autograd/kernels/decompose.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// The last two dimensions exchanged.
inline Tensor turned(const Tensor& x) { return transpose(x, -2, -1); }

// A shape with other sizes behind its leading ones.
Shape with_matrix(const Shape& shape, std::int64_t rows, std::int64_t columns);
Shape with_vector(const Shape& shape, std::int64_t size);

// Error unless x is matrices of floating numbers, or square ones.
void require_matrix(std::string_view op, const Tensor& x);
void require_square(std::string_view op, const Tensor& x);
inline Spec square_spec(std::string_view op, const Tensor& x) {
  require_square(op, x);
  return {x.shape(), x.dtype()};
}
// Error unless a [.., n, n] and b [.., n, k] have one dtype and equal leading sizes.
Spec right_hand_spec(std::string_view op, const Tensor& a, const Tensor& b);

// Matrices far from singular, with eigenvalues and singular values far from each other.
Tensor draw_regular(Generator& random, const Shape& shape);
inline Tensor draw_triangle(Generator& random, const Shape& shape) { return tril(draw_regular(random, shape)); }

struct Inverse {
  static constexpr std::string_view name = "inv";
  Spec infer(const Tensor& a) const { return square_spec(name, a); }
  void forward(View x, View a) const { kernels::inverse(x, a); }
  Tensor grad0(Grad g, Out x) const { return -matmul(turned(x), matmul(g, turned(x))); }
  static Samples<Inverse> samples(Generator& random) {
    return {{{}, {draw_regular(random, {2, 3, 3})}, "torch.linalg.inv(x[0])"},
            {{}, {draw_regular(random, {2, 0, 0})}, "torch.linalg.inv(x[0])"}};
  }
};

struct Solve {
  static constexpr std::string_view name = "solve";
  Spec infer(const Tensor& a, const Tensor& b) const { return right_hand_spec(name, a, b); }
  void forward(View x, View a, View b) const { kernels::solve(x, a, b); }
  Tensor grad0(Grad g, In<0> a, Out x) const { return -matmul(apply(*this, turned(a), g), turned(x)); }
  Tensor grad1(Grad g, In<0> a) const { return apply(*this, turned(a), g); }
  static Samples<Solve> samples(Generator& random) {
    const auto make = [&](const Shape& a, const Shape& b) {
      return Sample<Solve>{{}, {draw_regular(random, a), draw(random, b)}, "torch.linalg.solve(x[0], x[1])"};
    };
    return {make({3, 3}, {3, 2}), make({2, 3, 3}, {2, 3, 1}), make({2, 3, 3}, {2, 3, 0}), make({0, 0}, {0, 2})};
  }
};

// Only one triangle of A is read, and gets a gradient; of a `unit` one not the diagonal either.
struct SolveTriangular {
  static constexpr std::string_view name = "solve_triangular";
  bool upper = false, unit = false;
  Spec infer(const Tensor& a, const Tensor& b) const { return right_hand_spec(name, a, b); }
  void forward(View x, View a, View b) const { kernels::solve_triangular(x, a, b, upper, unit); }
  Tensor grad0(Grad g, In<0> a, Out x) const {
    const Tensor product = -matmul(grad1(g, a), turned(x));
    return upper ? triu(product, unit ? 1 : 0) : tril(product, unit ? -1 : 0);
  }
  Tensor grad1(Grad g, In<0> a) const { return apply(SolveTriangular{!upper, unit}, turned(a), g); }
  static Samples<SolveTriangular> samples(Generator& random) {
    const auto make = [&](SolveTriangular op, const Shape& a, const Shape& b) {
      return Sample<SolveTriangular>{
          op,
          {draw_regular(random, a), draw(random, b)},
          fmt::format("torch.linalg.solve_triangular(x[0], x[1], upper={}, unitriangular={})",
                      op.upper ? "True" : "False", op.unit ? "True" : "False")};
    };
    return {make({false, false}, {3, 3}, {3, 2}), make({true, false}, {2, 3, 3}, {2, 3, 1}),
            make({false, true}, {3, 3}, {3, 2}), make({true, true}, {3, 3}, {3, 1}),
            make({true, false}, {0, 0}, {0, 2})};
  }
};

// The gradient is that of symmetric matrices, and symmetric: L⁻ᵀ S L⁻¹ / 2, where S is the symmetric matrix with the lower
// triangle of Lᵀ g.
struct Cholesky {
  static constexpr std::string_view name = "cholesky";
  Spec infer(const Tensor& a) const { return square_spec(name, a); }
  void forward(View l, View a) const { kernels::cholesky(l, a); }
  Tensor grad0(Grad g, Out l) const;
  static Samples<Cholesky> samples(Generator& random) {
    const std::string torch = "torch.linalg.cholesky((x[0] + x[0].mT) / 2)";
    return {{{}, {draw_regular(random, {2, 3, 3})}, torch}, {{}, {draw_regular(random, {2, 0, 0})}, torch}};
  }
};

// L, U, P: see lu() in functions/decompose.h.
struct Lu {
  static constexpr std::string_view name = "lu";
  static constexpr int outputs = 3, differentiable_outputs = 2;
  std::array<Spec, 3> infer(const Tensor& a) const;
  void forward(View l, View u, View p, View a) const { kernels::lu(l, u, p, a); }
  Tensor grad0(Grads g, Output<0> l, Output<1> u, Output<2> p) const;
  static Samples<Lu> samples(Generator& random) {
    const std::string torch = "(lambda p, l, u: (l, u, p))(*torch.linalg.lu(x[0]))";
    return {{{}, {draw_regular(random, {1, 3, 3})}, torch},
            {{}, {draw(random, {2, 4, 3})}, torch},
            {{}, {draw(random, {2, 3})}, torch},
            {{}, {draw(random, {0, 2})}, torch}};
  }
};

// See qr() in functions/decompose.h. Where Q has more columns than A there is no gradient: they are any that complete it.
struct Qr {
  static constexpr std::string_view name = "qr";
  static constexpr int outputs = 2;
  bool complete = false;
  std::array<Spec, 2> infer(const Tensor& a) const;
  void forward(View q, View r, View a) const { kernels::qr(q, r, a); }
  Tensor grad0(Grads g, Output<0> q, Output<1> r) const;
  static Samples<Qr> samples(Generator& random) {
    return {{{}, {draw_regular(random, {1, 3, 3})}, "torch.linalg.qr(x[0])"},
            {{}, {draw_regular(random, {2, 4, 3})}, "torch.linalg.qr(x[0])"},
            {{true}, {draw_regular(random, {2, 3})}, "torch.linalg.qr(x[0], 'complete')"},
            {{}, {draw(random, {3, 0})}, "torch.linalg.qr(x[0])"}};
  }
};

// w, V of a symmetric A. The gradient is that of symmetric matrices, and symmetric.
struct Eigh {
  static constexpr std::string_view name = "eigh";
  static constexpr int outputs = 2;
  bool upper = false;
  std::array<Spec, 2> infer(const Tensor& a) const {
    require_square(name, a);
    return {Spec{a.shape().without(a.dim() - 1), a.dtype()}, Spec{a.shape(), a.dtype()}};
  }
  void forward(View w, View v, View a) const { kernels::eigh(w, v, a, upper); }
  Tensor grad0(Grads g, Output<0> w, Output<1> v) const;
  static Samples<Eigh> samples(Generator& random) {
    const std::string torch =
        "(lambda w, v: (w, v * v.gather(-2, v.abs().argmax(-2, True)).sign()))"
        "(*torch.linalg.eigh((x[0] + x[0].mT) / 2))";
    return {{{false}, {draw_regular(random, {3, 3})}, torch},
            {{true}, {draw_regular(random, {2, 3, 3})}, torch},
            {{false}, {draw_regular(random, {0, 3, 3})}, torch}};
  }
};

// U, s, Vh. With `full` U and V are square; the columns that complete them have no gradient.
struct Svd {
  static constexpr std::string_view name = "svd";
  static constexpr int outputs = 3;
  bool full = false;
  std::array<Spec, 3> infer(const Tensor& a) const;
  void forward(View u, View s, View vh, View a) const { kernels::svd(u, s, vh, a); }
  Tensor grad0(Grads g, Output<0> u, Output<1> s, Output<2> vh) const;
  static Samples<Svd> samples(Generator& random) {
    const auto make = [&](bool whole, const Shape& shape) {
      return Sample<Svd>{{whole},
                         {draw_regular(random, shape)},
                         fmt::format("(lambda u, s, v: (lambda f: (u * f.mT, s, v * f))(v.gather(-1, "
                                     "v.abs().argmax(-1, True)).sign()))(*torch.linalg.svd(x[0], {}))",
                                     whole ? "True" : "False")};
    };
    return {make(false, {3, 3}), make(true, {2, 3, 3}), make(false, {4, 2}), make(false, {2, 2, 4}),
            make(false, {0, 3, 2})};
  }
};

// d/dA = the transposed adjugate, which is det(A) A⁻ᵀ, but exists always.
struct Det {
  static constexpr std::string_view name = "det";
  Spec infer(const Tensor& a) const {
    require_square(name, a);
    return {a.shape().without(a.dim() - 1).without(a.dim() - 2), a.dtype()};
  }
  void forward(View y, View a) const { kernels::determinant(y, a); }
  Tensor grad0(Grad g, In<0> a) const;
  static Samples<Det> samples(Generator& random) {
    return {{{}, {draw(random, {3, 3})}, "torch.linalg.det(x[0])"},
            {{}, {draw(random, {2, 2, 2})}, "torch.linalg.det(x[0])"},
            {{}, {draw(random, {0, 3, 3})}, "torch.linalg.det(x[0])"}};
  }
};

// det(A) A⁻¹, also where there is no inverse; its own derivative is by that formula, and NaN or infinite where there is none.
struct Adjugate {
  static constexpr std::string_view name = "adjugate";
  Spec infer(const Tensor& a) const { return square_spec(name, a); }
  void forward(View y, View a) const { kernels::adjugate(y, a); }
  Tensor grad0(Grad g, In<0> a, Out y) const;
  static Samples<Adjugate> samples(Generator& random) {
    const std::string torch = "torch.linalg.det(x[0])[..., None, None] * torch.linalg.inv(x[0])";
    return {{{}, {draw_regular(random, {2, 3, 3})}, torch}, {{}, {draw_regular(random, {0, 2, 2})}, torch}};
  }
};

// log |det(A)| and the determinant's sign.
struct Slogdet {
  static constexpr std::string_view name = "slogdet";
  static constexpr int outputs = 2, differentiable_outputs = 1;
  std::array<Spec, 2> infer(const Tensor& a) const {
    require_square(name, a);
    const Spec one{a.shape().without(a.dim() - 1).without(a.dim() - 2), a.dtype()};
    return {one, one};
  }
  void forward(View logarithm, View sign, View a) const { kernels::determinant_log(logarithm, sign, a); }
  Tensor grad0(Grads g, In<0> a) const { return unsqueeze(unsqueeze(g[0], -1), -1) * turned(apply(Inverse{}, a)); }
  static Samples<Slogdet> samples(Generator& random) {
    const std::string torch = "(lambda s, y: (y, s))(*torch.linalg.slogdet(x[0]))";
    return {{{}, {draw(random, {3, 3})}, torch},
            {{}, {draw(random, {2, 2, 2})}, torch},
            {{}, {draw(random, {2, 0, 0})}, torch}};
  }
};

// P = A⁺, whose rank does not change where there is a derivative: Golub, Pereyra, The differentiation of pseudo-inverses and
// nonlinear least squares problems whose variables separate, 1973.
struct Pinv {
  static constexpr std::string_view name = "pinv";
  double absolute = 0, relative = 0;
  Spec infer(const Tensor& a) const {
    require_matrix(name, a);
    return {with_matrix(a.shape(), a.shape()[a.dim() - 1], a.shape()[a.dim() - 2]), a.dtype()};
  }
  void forward(View p, View a) const { kernels::pseudoinverse(p, a, absolute, relative); }
  Tensor grad0(Grad g, In<0> a, Out p) const;
  static Samples<Pinv> samples(Generator& random) {
    return {{{0, 1e-10}, {draw_regular(random, {2, 3, 3})}, "torch.linalg.pinv(x[0])"},
            {{0, 1e-10}, {draw_regular(random, {4, 2})}, "torch.linalg.pinv(x[0])"},
            {{0.5, 0}, {draw_regular(random, {2, 3})}, "torch.linalg.pinv(x[0], atol=0.5)"},
            {{0, 1e-10}, {draw(random, {0, 3})}, "torch.linalg.pinv(x[0])"}};
  }
};

// The derivative at A in the direction E is the block above the diagonal of exp([[A, E], [0, A]]) (Van Loan, Computing
// integrals involving the matrix exponential, 1978); its transpose takes Aᵀ and g.
struct MatrixExp {
  static constexpr std::string_view name = "matrix_exp";
  Spec infer(const Tensor& a) const { return square_spec(name, a); }
  void forward(View y, View a) const { kernels::matrix_exponential(y, a); }
  Tensor grad0(Grad g, In<0> a) const;
  static Samples<MatrixExp> samples(Generator& random) {
    return {{{}, {draw(random, {2, 3, 3})}, "torch.linalg.matrix_exp(x[0])"},
            {{}, {draw(random, {2, 2, 2}, 2, 6)}, "torch.linalg.matrix_exp(x[0])"},
            {{}, {draw(random, {0, 2, 2})}, "torch.linalg.matrix_exp(x[0])"}};
  }
};

using DecomposeOps =
    OpList<Inverse, Solve, SolveTriangular, Cholesky, Lu, Qr, Eigh, Svd, Det, Adjugate, Slogdet, Pinv, MatrixExp>;

}  // namespace ebb::ops
