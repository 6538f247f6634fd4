// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <new>
#include <type_traits>
#include <utility>

#include "config.hpp"

namespace tapestry::inline TAPESTRY_ABI {

template <class Signature>
class Callback;

/// A function object of at most four words that is copied as memory is, as a lambda that captures by reference: `Callback<void(int)> f = [&](int i) { ... };`
/// It does for visitors what std::function would, at a small part of its cost in compile time: nothing is to be destroyed or copied by hand.
template <class Result, class... Arguments>
class Callback<Result(Arguments...)> {
 public:
  Callback() = default;
  template <class F>
    requires(!std::same_as<F, Callback> && std::is_invocable_r_v<Result, F&, Arguments...>)
  Callback(const F& f)  // NOLINT: implicit, as std::function's
      : call_(call<F>) {
    static_assert(std::is_trivially_copyable_v<F> && sizeof(F) <= sizeof words_, "Callback: capture by reference, at most four variables");
    ::new (static_cast<void*>(words_)) F(f);
  }

  explicit operator bool() const { return call_ != nullptr; }
  Result operator()(Arguments... arguments) const { return call_(words_, std::forward<Arguments>(arguments)...); }

 private:
  template <class F>
  static Result call(void* function, Arguments... arguments) {
    return (*static_cast<F*>(function))(std::forward<Arguments>(arguments)...);
  }
  Result (*call_)(void* function, Arguments... arguments) = nullptr;
  alignas(void*) mutable unsigned char words_[4 * sizeof(void*)] = {};
};

}  // namespace tapestry::inline TAPESTRY_ABI
