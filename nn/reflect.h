// Reflection: finds the parameters inside a plain struct, and their names, at compile time.
//
// A module is any aggregate of modules. Its members may be
//
//   nn::Parameter, nn::Buffer, nn::Mode               what the free functions of nn/module.h look for
//   modules; std::vector, std::array, std::optional,  found inside, with the names that PyTorch's state_dict gives
//     std::tuple, std::pair of them; nn::Layer,       them: "conv1.weight", "blocks.0.conv1.weight"
//     nn::Sequential
//   numbers, enums, strings, functions, Size2, …      attributes: skipped
//
// and nothing else: what could hide a tensor from training does not compile. No C arrays (use std::array), no
// references, at most 32 members, no base class. A class that is not an aggregate lists its members itself:
//
//   class Scale {
//    public:
//     auto fields() const { return nn::fields(nn::field("weight", weight_)); }
//    private:
//     nn::Parameter weight_ = ones({1});
//   };
//
// A class of yours that holds no tensors and is none of the above is made an attribute by
//
//   template <> inline constexpr bool ebb::nn::is_attribute<Logger> = true;
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/aggregate.h"
#include "nn/members.h"

namespace ebb::nn {

template <class T>
inline constexpr bool is_attribute = std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_member_pointer_v<T>;
template <>
inline constexpr bool is_attribute<std::string> = true;
template <class F>
inline constexpr bool is_attribute<std::function<F>> = true;

// A member and its name, for fields(). The empty name makes the member's own members the class's.
template <class T>
struct Field {
  std::string_view name;
  const T& value;
};

template <class T>
Field<T> field(std::string_view name, const T& value) {
  return {name, value};
}
template <class T>
Field<T> field(std::string_view name, const T&& value) = delete;  // the member itself, not a copy

template <class... T>
std::tuple<Field<T>...> fields(const Field<T>&... members) {
  return {members...};
}

namespace detail {

// -- what a type is to a walk

template <class T>
inline constexpr bool is_sequence = false;
template <class T, class A>
inline constexpr bool is_sequence<std::vector<T, A>> = true;
template <class T, std::size_t N>
inline constexpr bool is_sequence<std::array<T, N>> = true;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;

// What T points or refers to: raw and smart pointers, std::span, std::reference_wrapper. void: T is none of these.
template <class T>
struct Pointee : std::type_identity<void> {};
template <class T>
struct Pointee<T*> : std::type_identity<T> {};
template <class T>
struct Pointee<std::reference_wrapper<T>> : std::type_identity<T> {};
template <class T>
requires requires { typename T::element_type; }
struct Pointee<T> : std::type_identity<typename T::element_type> {};

// Can not hold a tensor, whose copies are counted. A type that is not complete here may hold anything.
template <class T>
concept Trivial = std::is_void_v<T> || std::is_function_v<T> ||
    (requires { sizeof(T); } && std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);

enum class Kind : std::uint8_t {
  parameter,
  buffer,
  mode,
  attribute,     // skipped
  self_walking,  // has walk(Members&) const: nn::Layer
  fields,        // has fields() const
  sequence,
  optional,
  tuple,
  aggregate,
  // refused:
  raw_tensor,
  pointer,
  uncountable,  // a C array, or an aggregate with a reference
  derived,      // an aggregate with a base class
  crowded,      // an aggregate with too many members
  opaque
};

template <class T>
consteval Kind kind_of() {
  if constexpr (std::derived_from<T, Parameter>) return Kind::parameter;
  else if constexpr (std::derived_from<T, Buffer>) return Kind::buffer;
  else if constexpr (std::is_same_v<T, Mode>) return Kind::mode;
  else if constexpr (std::derived_from<T, Tensor>) return Kind::raw_tensor;
  else if constexpr (is_attribute<T>) return Kind::attribute;
  else if constexpr (requires(const T& m, Members& out) { m.walk(out); }) return Kind::self_walking;
  else if constexpr (requires(const T& m) { m.fields(); }) return Kind::fields;
  else if constexpr (is_sequence<T>)
    return kind_of<typename T::value_type>() == Kind::attribute ? Kind::attribute : Kind::sequence;
  else if constexpr (is_optional<T>)
    return kind_of<typename T::value_type>() == Kind::attribute ? Kind::attribute : Kind::optional;
  else if constexpr (is_tuple<T>) return Kind::tuple;
  else if constexpr (std::is_pointer_v<T> || !std::is_void_v<typename Pointee<T>::type>)
    return Trivial<typename Pointee<T>::type> ? Kind::attribute : Kind::pointer;
  else if constexpr (std::is_array_v<T>) return Kind::uncountable;
  else if constexpr (std::is_aggregate_v<T> && !std::is_union_v<T>)
    return HasBase<T>                                    ? Kind::derived
           : member_count<T> > kMaxMembers               ? Kind::crowded
           : member_count<T> == 0 && !std::is_empty_v<T> ? Kind::uncountable
                                                         : Kind::aggregate;
  else return std::is_trivially_copyable_v<T> ? Kind::attribute : Kind::opaque;
}

// -- the walk

template <class T>
void walk(const T& m, Members& out);

template <class T>
void walk_member(std::string_view name, const T& member, Members& out) {
  if constexpr (kind_of<T>() != Kind::attribute) {
    const Members::Scope scope(out, name);
    walk(member, out);
  }
}

enum class Turn : std::uint8_t { parameters, buffers, rest };

consteval Turn turn_of(Kind kind) {
  return kind == Kind::parameter ? Turn::parameters : kind == Kind::buffer ? Turn::buffers : Turn::rest;
}

template <Turn turn, class T>
void walk_in_turn(const Field<T>& member, Members& out) {
  if constexpr (turn_of(kind_of<T>()) == turn) walk_member(member.name, member.value, out);
}

// A module's own parameters come first, then its own buffers, then what its submodules have: PyTorch's order.
template <class... T>
void walk_members(Members& out, const Field<T>&... members) {
  (walk_in_turn<Turn::parameters>(members, out), ...);
  (walk_in_turn<Turn::buffers>(members, out), ...);
  (walk_in_turn<Turn::rest>(members, out), ...);
}

template <class T, class... M, std::size_t... I>
void walk_aggregate(Members& out, std::index_sequence<I...>, const M&... members) {
  walk_members(out, Field<M>{member_name<T, I>, members}...);
}

template <class T>
void walk(const T& m, Members& out) {
  constexpr Kind kind = kind_of<T>();
  static_assert(kind != Kind::raw_tensor,
                "a raw Tensor member: make it nn::Parameter (trained) or nn::Buffer (saved, not trained)");
  static_assert(
      kind != Kind::pointer,
      "a member that points to something that may hold tensors: hold it by value (copies of a module share their "
      "weights), in std::optional, std::vector or nn::Layer");
  static_assert(
      kind != Kind::uncountable,
      "a C array or a reference in a module: make it std::array, or hold the referenced module by value (copies "
      "share their weights)");
  static_assert(kind != Kind::derived,
                "a module with a base class: make the base a member, or give the class `auto fields() const`");
  static_assert(kind != Kind::crowded, "a module of more than 32 members: group some of them in a struct");
  static_assert(
      kind != Kind::opaque,
      "a class that can not be looked into: make it an aggregate, or give it `auto fields() const { return "
      "nn::fields(nn::field(\"weight\", weight_), ...); }`, or, if it holds no tensors, specialise "
      "ebb::nn::is_attribute for it");
  if constexpr (kind == Kind::parameter || kind == Kind::buffer || kind == Kind::mode) {
    out.add(m);
  } else if constexpr (kind == Kind::self_walking) {
    m.walk(out);
  } else if constexpr (kind == Kind::fields) {
    std::apply([&](const auto&... members) { walk_members(out, members...); }, m.fields());
  } else if constexpr (kind == Kind::sequence) {
    for (std::size_t i = 0; i < m.size(); ++i) walk_member(std::to_string(i), m[i], out);
  } else if constexpr (kind == Kind::optional) {
    if (m) walk(*m, out);
  } else if constexpr (kind == Kind::tuple) {
    std::size_t i = 0;
    std::apply([&](const auto&... items) { (walk_member(std::to_string(i++), items, out), ...); }, m);
  } else if constexpr (kind == Kind::aggregate) {
    with_members(m, [&]<class... M>(const M&... members) {
      walk_aggregate<T>(out, std::index_sequence_for<M...>(), members...);
    });
  }
}

}  // namespace detail

// What parameters(), state() and their like take: anything that may hold parameters.
template <class M>
concept Module = std::is_class_v<M> && !std::derived_from<M, Tensor> && !std::same_as<M, Mode> &&
                 detail::kind_of<M>() != detail::Kind::attribute;

}  // namespace ebb::nn
