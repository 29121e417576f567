// What reflection finds in a struct, what it calls it, and what it refuses.
#include "nn/reflect.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <span>

#include "autograd/create.h"
#include "autograd/ops.h"
#include "nn/nn.h"

using namespace ebb;
using nn::detail::Kind;
using nn::detail::kind_of;
using nn::detail::member_count;
using nn::detail::member_name;

namespace {

enum class Colour : std::uint8_t { red, blue };

struct Attributes {
  std::int64_t in, out;
  Colour colour = Colour::red;
  std::string note = "x";
  std::function<Tensor(const Tensor&)> f;
  Size2 kernel;
  std::optional<Size2> stride = {};
  std::vector<int> sizes = {};
  std::array<double, 3> scales = {};
  Shape shape;
  Tensor (*activation)(const Tensor&) = relu;
  Generator* generator = nullptr;
};

struct Point {
  nn::Parameter x = zeros({1}), y = zeros({2});
};

struct Wide {
  nn::Parameter a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4,
      c5, c6, c7, c8, c9, d0, last_one = zeros({1});
};

struct TooWide {
  Wide wide;
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, c6,
      c7, c8, c9, d0, d1;
};

struct Unusual_Näme9 {
  int _under = 0;
  int größe = 0;
};

template <class T>
struct Generic {
  T inner_;
};

struct Derived : Point {
  int more = 0;
};

struct Bare {
  Tensor weight;
};

class Closed {
 public:
  explicit Closed(int n) : weight_(zeros({n})) {}

 private:
  nn::Parameter weight_;
};

class Open {
 public:
  explicit Open(int n) : weight_(zeros({n})), mean_(ones({n})) {}
  auto fields() const {
    return nn::fields(nn::field("mean", mean_), nn::field("inner", point_), nn::field("weight", weight_));
  }

 private:
  nn::Parameter weight_;
  nn::Buffer mean_;
  Point point_;
};

class Logger {
 public:
  Logger() : text_(new std::string) {}
  Logger(const Logger&) : Logger() {}

 private:
  std::unique_ptr<std::string> text_;
};

struct WithLogger {
  Point point;
  Logger logger;
};

// A tree: a type inside itself.
struct Tree {
  nn::Parameter value = zeros({1});
  std::vector<Tree> children;
};

struct Everything {
  Attributes attributes{.in = 1, .out = 2, .f = {}, .kernel = 3, .shape = {}};
  std::vector<Point> list = std::vector<Point>(2);
  nn::Buffer buffer = zeros({1});
  std::array<Point, 2> array;
  std::optional<Point> some = Point{}, none;
  std::tuple<int, Point, std::string> tuple;
  std::pair<Point, double> pair;
  nn::Parameter own = zeros({3});
  nn::Parameter missing;
  std::optional<nn::Parameter> maybe = nn::Parameter(zeros({1}));
  std::vector<nn::Parameter> parameters{zeros({1}), zeros({2})};
  nn::Mode mode;
  Open open{2};
};

template <class M>
std::vector<std::string> names(const M& m) {
  std::vector<std::string> found;
  for (const auto& [name, tensor] : state(m)) found.push_back(name);
  return found;
}

template <class M>
concept CanTrain = requires(M& m) {
  train(m);
};

using Names = std::vector<std::string>;

}  // namespace

template <>
inline constexpr bool ebb::nn::is_attribute<Logger> = true;

TEST_CASE("members are counted") {
  struct Empty {};
  struct Local {
    Point a, b;
    int n;
  };
  struct References {
    std::unique_ptr<int> only_moved;
    const int constant;
  };
  struct Whole {
    std::array<Point, 7> array;
    std::string text;
  };
  CHECK(member_count<Empty> == 0);
  CHECK(member_count<Local> == 3);
  CHECK(member_count<References> == 2);
  CHECK(member_count<Whole> == 2);
  CHECK(member_count<Attributes> == 12);
  CHECK(member_count<nn::Linear> == 5);
  CHECK(member_count<nn::Conv2d> == 11);
  CHECK(member_count<Everything> == 14);
  CHECK(member_count<Wide> == 32);
}

TEST_CASE("members have their names") {
  struct Local {
    Point a, second_;
  };
  CHECK(member_name<Point, 0> == "x");
  CHECK(member_name<Point, 1> == "y");
  CHECK(member_name<Local, 1> == "second_");
  CHECK(member_name<nn::Conv2d, 9> == "weight");
  CHECK(member_name<Wide, 31> == "last_one");
  CHECK(member_name<Unusual_Näme9, 0> == "_under");
  CHECK(member_name<Unusual_Näme9, 1> == "größe");
  CHECK(member_name<Generic<Local>, 0> == "inner_");
  CHECK(member_name<Generic<std::vector<std::pair<int, Local>>>, 0> == "inner_");
  CHECK(member_name<Attributes, 10> == "activation");
}

TEST_CASE("what may be in a module") {
  CHECK(kind_of<nn::Parameter>() == Kind::parameter);
  CHECK(kind_of<nn::Buffer>() == Kind::buffer);
  CHECK(kind_of<nn::Mode>() == Kind::mode);
  CHECK(kind_of<nn::Linear>() == Kind::aggregate);
  CHECK(kind_of<Open>() == Kind::fields);
  CHECK(kind_of<nn::Layer>() == Kind::self_walking);
  CHECK(kind_of<std::optional<nn::Linear>>() == Kind::optional);
  CHECK(kind_of<std::vector<std::vector<nn::Linear>>>() == Kind::sequence);
  CHECK(kind_of<std::pair<int, nn::Linear>>() == Kind::tuple);

  CHECK(kind_of<int>() == Kind::attribute);
  CHECK(kind_of<Colour>() == Kind::attribute);
  CHECK(kind_of<std::string>() == Kind::attribute);
  CHECK(kind_of<std::string_view>() == Kind::attribute);
  CHECK(kind_of<std::function<void()>>() == Kind::attribute);
  CHECK(kind_of<Size2>() == Kind::attribute);
  CHECK(kind_of<std::optional<Size2>>() == Kind::attribute);
  CHECK(kind_of<std::vector<std::string>>() == Kind::attribute);
  CHECK(kind_of<std::vector<bool>>() == Kind::attribute);
  CHECK(kind_of<Shape>() == Kind::attribute);
  CHECK(kind_of<void*>() == Kind::attribute);
  CHECK(kind_of<Tensor (*)(const Tensor&)>() == Kind::attribute);
  CHECK(kind_of<Generator*>() == Kind::attribute);
  CHECK(kind_of<std::shared_ptr<double>>() == Kind::attribute);
  CHECK(kind_of<Logger>() == Kind::attribute);
}

TEST_CASE("what may not") {
  class Incomplete;
  struct WithReference {
    nn::Linear a;
    nn::Linear& b;
  };
  CHECK(kind_of<Tensor>() == Kind::raw_tensor);
  CHECK(kind_of<nn::Linear*>() == Kind::pointer);
  CHECK(kind_of<Point**>() == Kind::pointer);
  CHECK(kind_of<Incomplete*>() == Kind::pointer);
  CHECK(kind_of<std::unique_ptr<nn::Linear>>() == Kind::pointer);
  CHECK(kind_of<std::shared_ptr<const nn::Linear>>() == Kind::pointer);
  CHECK(kind_of<std::span<nn::Linear>>() == Kind::pointer);
  CHECK(kind_of<std::reference_wrapper<nn::Linear>>() == Kind::pointer);
  CHECK(kind_of<nn::Linear[2]>() == Kind::uncountable);
  CHECK(kind_of<WithReference>() == Kind::uncountable);
  CHECK(kind_of<Derived>() == Kind::derived);
  CHECK(kind_of<TooWide>() == Kind::crowded);
  CHECK(kind_of<Closed>() == Kind::opaque);
  CHECK(kind_of<std::map<int, nn::Linear>>() == Kind::opaque);
  const auto capturing = [t = Tensor()] { return t; };
  CHECK(kind_of<std::remove_const_t<decltype(capturing)>>() == Kind::opaque);
}

TEST_CASE("only modules are modules") {
  static_assert(nn::Module<Point> && nn::Module<nn::Sequential> && nn::Module<std::vector<nn::Linear>>);
  static_assert(!nn::Module<Tensor> && !nn::Module<nn::Parameter> && !nn::Module<int> && !nn::Module<std::string>);
  static_assert(!nn::Module<nn::Linear*> && !nn::Module<std::vector<int>>);
  static_assert(CanTrain<Point> && !CanTrain<const Point>, "a const module can not be changed");
}

TEST_CASE("names are those of PyTorch's state_dict: own parameters, own buffers, then the rest") {
  CHECK(names(Everything{}) == Names{"own",       "buffer",       "list.0.x",     "list.0.y",     "list.1.x",
                                     "list.1.y",  "array.0.x",    "array.0.y",    "array.1.x",    "array.1.y",
                                     "some.x",    "some.y",       "tuple.1.x",    "tuple.1.y",    "pair.0.x",
                                     "pair.0.y",  "maybe",        "parameters.0", "parameters.1", "open.weight",
                                     "open.mean", "open.inner.x", "open.inner.y"});
  CHECK(names(Wide{}) == Names{"last_one"});
  CHECK(names(WithLogger{}) == Names{"point.x", "point.y"});
  CHECK(names(std::vector<Point>(1)) == Names{"0.x", "0.y"});
  CHECK(names(Generic<Generic<Point>>{}) == Names{"inner_.inner_.x", "inner_.inner_.y"});
}

TEST_CASE("a type may contain itself") {
  Tree tree;
  tree.children.resize(2);
  tree.children[1].children.resize(1);
  CHECK(names(tree) == Names{"value", "children.0.value", "children.1.value", "children.1.children.0.value"});
}

TEST_CASE("modes are found wherever they are") {
  struct Inner {
    nn::Mode mode;
  };
  struct Outer {
    nn::Mode mode;
    std::vector<Inner> list = std::vector<Inner>(2);
    std::optional<Inner> some = Inner{};
  } outer;
  eval(outer);
  CHECK_FALSE(outer.mode.training);
  CHECK_FALSE(outer.list[1].mode.training);
  CHECK_FALSE(outer.some->mode.training);
  train(outer);
  CHECK((outer.mode.training && outer.list[0].mode.training && outer.some->mode.training));
}

TEST_CASE("a parameter is a leaf that requires grad") {
  const Tensor values = tensor({1.0, 2.0});
  const nn::Parameter p = values;
  CHECK(p.requires_grad());
  CHECK(p.is_leaf());
  CHECK_FALSE(values.requires_grad());                         // the other handle is as it was,
  CHECK(p.data<const float>() == values.data<const float>());  // but sees the same numbers
  const nn::Parameter tied = p;
  CHECK(tied.handle().get() == p.handle().get());
  CHECK(nn::Parameter(static_cast<const Tensor&>(p)).handle().get() == p.handle().get());
  CHECK(nn::Parameter(p * 2).is_leaf());
  CHECK_FALSE(nn::Parameter().defined());
  CHECK_FALSE(nn::Parameter(Tensor()).defined());
  CHECK_THROWS_AS(nn::Parameter(tensor({1, 2})), Error);
  CHECK_FALSE(nn::Buffer(p * 2).requires_grad());
}
