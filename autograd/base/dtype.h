// The element types of a tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace ebb {

enum class Dtype : std::uint8_t { float32, float64, int64, int32, uint8, bool_ };

inline constexpr Dtype float32 = Dtype::float32;
inline constexpr Dtype float64 = Dtype::float64;
inline constexpr Dtype int64 = Dtype::int64;
inline constexpr Dtype int32 = Dtype::int32;
inline constexpr Dtype uint8 = Dtype::uint8;
inline constexpr Dtype boolean = Dtype::bool_;

inline constexpr std::int64_t kSizes[] = {4, 8, 8, 4, 1, 1};

// Bytes of one element.
constexpr std::int64_t size_of(Dtype dtype) { return kSizes[static_cast<int>(dtype)]; }

// PyTorch's name without the prefix: "float32", "bool".
constexpr std::string_view name_of(Dtype dtype) {
  constexpr std::string_view kNames[] = {"float32", "float64", "int64", "int32", "uint8", "bool"};
  return kNames[static_cast<int>(dtype)];
}

constexpr bool is_floating(Dtype dtype) { return dtype == Dtype::float32 || dtype == Dtype::float64; }

// The dtype that stores a C++ type; other types do not compile.
template <class T>
constexpr Dtype dtype_of() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>) return Dtype::float32;
  else if constexpr (std::is_same_v<U, double>) return Dtype::float64;
  else if constexpr (std::is_same_v<U, bool>) return Dtype::bool_;
  else if constexpr (std::is_same_v<U, std::uint8_t>) return Dtype::uint8;
  else if constexpr (std::is_integral_v<U> && std::is_signed_v<U> && sizeof(U) == 8) return Dtype::int64;
  else if constexpr (std::is_integral_v<U> && std::is_signed_v<U> && sizeof(U) == 4) return Dtype::int32;
  else
    static_assert(sizeof(U) == 0,
                  "ebb has no dtype for this type: use float, double, int64, int32, uint8 or bool");
}

// Calls f with a null pointer to the C++ type of `dtype`, so that one generic lambda serves all of them:
//
//   visit(dtype, [&]<class T>(T*) { fill(static_cast<T*>(data), n); });
template <class F>
constexpr decltype(auto) visit(Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::float64:
      return f(static_cast<double*>(nullptr));
    case Dtype::int64:
      return f(static_cast<std::int64_t*>(nullptr));
    case Dtype::int32:
      return f(static_cast<std::int32_t*>(nullptr));
    case Dtype::uint8:
      return f(static_cast<std::uint8_t*>(nullptr));
    case Dtype::bool_:
      return f(static_cast<bool*>(nullptr));
    case Dtype::float32:
      break;
  }
  return f(static_cast<float*>(nullptr));
}

namespace detail {
[[noreturn]] void refuse_dtype(Dtype dtype);
}  // namespace detail

// The same for the floating dtypes alone; Error for others.
template <class F>
constexpr decltype(auto) visit_floating(Dtype dtype, F&& f) {
  if (dtype == Dtype::float64) return f(static_cast<double*>(nullptr));
  if (dtype != Dtype::float32) [[unlikely]]
    detail::refuse_dtype(dtype);
  return f(static_cast<float*>(nullptr));
}

}  // namespace ebb
