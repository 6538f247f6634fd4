// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "image.hpp"
#include "sample_random.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Any function from an image to an image, with a name. A transform is a small value with describe() and one of
///
///   operator()(image) const           the same every time
///   operator()(image, random) const   draws its numbers from a SampleRandom&
///
/// for Image, FloatImage or both; several threads call it at once. A lambda gets its name here:
/// `Transform("Invert()", [](Image image) { ...; return image; })`.
///
/// Throws   TypeError when it is called with bytes and the function takes floats, or the reverse.
class Transform {
 public:
  template <class F>
    requires(!std::same_as<F, Transform> && requires(const F& f) { { f.describe() } -> std::convertible_to<std::string>; })
  Transform(F function)  // NOLINT: implicit, so that a list of transforms reads as one
      : name_(function.describe()), apply_(erased(name_, std::move(function))) {}

  template <class F>
  Transform(std::string name, F function) : name_(std::move(name)), apply_(erased(name_, std::move(function))) {}

  AnyImage operator()(AnyImage image, SampleRandom& random) const { return apply_(std::move(image), random); }
  const std::string& describe() const { return name_; }

 private:
  template <class F, class I>
  static constexpr bool takes = std::is_invocable_v<const F&, I, SampleRandom&> || std::is_invocable_v<const F&, I>;
  template <class F>
  static std::function<AnyImage(AnyImage&&, SampleRandom&)> erased(const std::string& name, F function) {
    static_assert(takes<F, Image> || takes<F, FloatImage>,
                  "a transform takes (Image), (FloatImage), or either with (.., SampleRandom&), and returns an image");
    return [name, f = std::move(function)](AnyImage&& image, SampleRandom& random) -> AnyImage {
      if (auto* bytes = std::get_if<Image>(&image)) {
        if constexpr (takes<F, Image>) return call(f, std::move(*bytes), random);
        else throw TypeError(message(name, ": expects an image of floats but got bytes (", *bytes, "); put ToTensor before it"));
      } else {
        FloatImage& floats = *std::get_if<FloatImage>(&image);
        if constexpr (takes<F, FloatImage>) return call(f, std::move(floats), random);
        else throw TypeError(message(name, ": expects an image of bytes but got floats (", floats, "); put it before ToTensor"));
      }
    };
  }
  template <class F, class I>
  static AnyImage call(const F& f, I&& image, SampleRandom& random) {
    if constexpr (std::is_invocable_v<const F&, I, SampleRandom&>)
      return f(std::move(image), random);
    else
      return f(std::move(image));
  }

  std::string name_;
  std::function<AnyImage(AnyImage&&, SampleRandom&)> apply_;
};

/// Runs transforms one after the other: `Compose(Resize(44), RandomCrop(32, {.padding = 4}))`. None: the image stays as it is.
class Compose {
 public:
  template <class... Ts>
    requires(std::convertible_to<Ts, Transform> && ...)
  explicit Compose(Ts... transforms) {
    (transforms_.push_back(Transform(std::move(transforms))), ...);
  }
  explicit Compose(std::vector<Transform> transforms) : transforms_(std::move(transforms)) {}

  AnyImage operator()(AnyImage image, SampleRandom& random) const {
    for (const Transform& transform : transforms_) image = transform(std::move(image), random);
    return image;
  }

  std::string describe() const {
    std::string text;
    for (const Transform& transform : transforms_) text.append(text.empty() ? "" : ", ").append(transform.describe());
    return "Compose(" + text + ")";
  }

 private:
  std::vector<Transform> transforms_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
